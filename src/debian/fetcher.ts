import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Agents, createAgents } from '../transport/agents.ts';
import { isLost, type RequestServices, send } from '../transport/request.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';
import { type AptConfig, readIfThere } from './apt-config.ts';
import { publicAddress } from './archive.ts';
import { type Credential, findCredential } from './credentials.ts';
import { findProxies } from './proxy.ts';

export interface FetcherOptions {
  readonly config: AptConfig;
  readonly credentials: readonly Credential[];
  readonly env: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds before the first new try; doubles with each. */
  readonly retryDelay?: number;
}

/** Reads files from mirrors (`http:`, `https:`, `file:`), with the proxies and credentials that apt has. */
export interface Fetcher {
  /**
   * Runs the body on the content of an address; once more, up to three times in all, when the connection is lost
   * meanwhile, so the body must start anew each time.
   * @throws StagecraftError `not-found` when the server has no such file; `io` when it cannot be reached
   */
  fetch<T>(address: string, body: (content: Readable) => Promise<T>): Promise<T>;
  close(): void;
}

const tries = 3;
const hint = 'Check the network, the proxy settings and the mirror, or name another one with --mirror URL.';

export function createFetcher(options: FetcherOptions): Fetcher {
  const { signal, retryDelay = 500, credentials } = options;
  const agents = aptAgents(options);
  const services: RequestServices = { agents, signal, retryDelay, tries };
  return {
    async fetch(address, body) {
      const url = new URL(address);
      for (let attempt = 1; ; attempt++) {
        const content =
          url.protocol === 'file:' ? await openFile(url) : await open(url, credentials, services);
        try {
          return await body(content);
        } catch (error) {
          signal?.throwIfAborted();
          if (!isLost(error)) throw error;
          if (attempt === tries) throw lost(url, error as Error);
        } finally {
          content.destroy();
        }
        await sleep(retryDelay * 2 ** (attempt - 1), undefined, { signal });
      }
    },
    close: () => agents.close(),
  };
}

/** Connections for each host, whose proxy may be one of its own; and whom apt is told to trust, trusted as well. */
function aptAgents({ config, env }: FetcherOptions): Agents {
  const byHost = new Map<string, Agents>();
  const authority = readIfThere(config.get('acquire::https::cainfo') ?? '');
  return {
    for(url) {
      let agents = byHost.get(url.host);
      if (agents === undefined) {
        const proxies = { ...findProxies(url.hostname, config, env) };
        agents = createAgents({ env: proxies, authorities: authority === undefined ? [] : [authority] });
        byHost.set(url.host, agents);
      }
      return agents.for(url);
    },
    close() {
      for (const agents of byHost.values()) agents.close();
    },
  };
}

function lost(url: URL, cause: Error): StagecraftError {
  return new StagecraftError('io', `${publicAddress(url.href)} cannot be fetched: ${cause.message}.`, {
    hint,
    cause,
  });
}

async function open(
  url: URL,
  credentials: readonly Credential[],
  services: RequestServices,
): Promise<Readable> {
  const authorization = (at: URL): string | undefined => {
    const credential = findCredential(at, credentials);
    return credential && `Basic ${Buffer.from(credential).toString('base64')}`;
  };
  const response = await send({ method: 'GET', url, authorization }, services);
  const { status, body } = response;
  if (status === 200) return body;
  body.destroy();
  const shown = publicAddress(response.url.href);
  if (status === 404 || status === 410)
    throw new StagecraftError('not-found', `${shown} does not exist (HTTP status ${status}).`);
  throw new StagecraftError('io', `${shown} cannot be fetched: the server answers ${status}.`, { hint });
}

async function openFile(url: URL): Promise<Readable> {
  const stream = createReadStream(fileURLToPath(url));
  try {
    await new Promise((resolve, reject) => stream.once('ready', resolve).once('error', reject));
  } catch (error) {
    const code = isErrno(error, 'ENOENT', 'ENOTDIR') ? 'not-found' : 'io';
    throw new StagecraftError(code, `${url.href} cannot be read: ${(error as Error).message}.`, {
      cause: error,
    });
  }
  return stream;
}
