import { createReadStream } from 'node:fs';
import { Agent, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps, Agent as SecureAgent } from 'node:https';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { getCACertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
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

/** Reads files from mirrors (`http:`, `https:`, `file:`), with the machine's proxies and credentials. */
export interface Fetcher {
  /**
   * Runs the body on the content of an address; once more, up to three times in all, when the connection or the server
   * fails, so the body must start anew each time.
   * @throws StagecraftError `not-found` when the server has no such file; `io` when it cannot be reached
   */
  fetch<T>(address: string, body: (content: Readable) => Promise<T>): Promise<T>;
  close(): void;
}

const tries = 3;
const redirects = 5;
/** Milliseconds without a byte before a connection counts as dead. */
const silence = 60_000;

/** A failure that may be gone at the next try. */
class TransientError extends Error {}

export function createFetcher(options: FetcherOptions): Fetcher {
  const agents = new Map<string, Agent>();
  const agentFor = (url: URL): Agent => {
    const key = url.protocol + url.host;
    let agent = agents.get(key);
    if (!agent) {
      const proxyEnv = { ...findProxies(url.hostname, options.config, options.env) };
      const common = { keepAlive: true, maxSockets: 8, proxyEnv };
      agent =
        url.protocol === 'https:'
          ? new SecureAgent({ ...common, ca: authorities(options.config) })
          : new Agent(common);
      agents.set(key, agent);
    }
    return agent;
  };
  return {
    async fetch(address, body) {
      for (let attempt = 1; ; attempt++) {
        try {
          const content = await open(new URL(address), agentFor, options);
          try {
            return await body(content);
          } catch (error) {
            throw isLost(error) ? new TransientError((error as Error).message, { cause: error }) : error;
          } finally {
            content.destroy();
          }
        } catch (error) {
          if (options.signal?.aborted) throw options.signal.reason;
          if (!(error instanceof TransientError)) throw error;
          if (attempt === tries)
            throw new StagecraftError(
              'io',
              `${publicAddress(address)} cannot be fetched: ${error.message}.`,
              {
                hint: 'Check the network, the proxy settings and the mirror, or name another one with --mirror URL.',
                cause: error,
              },
            );
          await sleep((options.retryDelay ?? 500) * 2 ** (attempt - 1), undefined, {
            signal: options.signal,
          });
        }
      }
    },
    close() {
      for (const agent of agents.values()) agent.destroy();
    },
  };
}

/** Whom to trust: what this process trusts, what the machine does, and what apt is told to. */
function authorities(config: AptConfig): string[] {
  const own = readIfThere(config.get('acquire::https::cainfo') ?? '');
  return [
    ...getCACertificates('default'),
    ...getCACertificates('system'),
    ...(own === undefined ? [] : [own]),
  ];
}

/** Whether a stream ended because the connection did. */
function isLost(error: unknown): boolean {
  return isErrno(
    error,
    'ECONNRESET',
    'EPIPE',
    'ETIMEDOUT',
    'ERR_STREAM_PREMATURE_CLOSE',
    'HPE_INVALID_CHUNK_SIZE',
  );
}

async function open(url: URL, agentFor: (url: URL) => Agent, options: FetcherOptions): Promise<Readable> {
  if (url.protocol === 'file:') return openFile(url);
  let current = url;
  for (let hop = 0; hop <= redirects; hop++) {
    const response = await send(current, agentFor(current), options);
    const status = response.statusCode ?? 0;
    if (status === 200) return response;
    response.resume();
    const shown = publicAddress(current.href);
    if ([301, 302, 303, 307, 308].includes(status) && response.headers.location) {
      const next = new URL(response.headers.location, current);
      if (!/^https?:$/.test(next.protocol) || (current.protocol === 'https:' && next.protocol === 'http:'))
        throw new StagecraftError(
          'io',
          `${shown} redirects from a secure address to ${next.protocol}//${next.host}.`,
        );
      current = next;
      continue;
    }
    if (status === 404 || status === 410)
      throw new StagecraftError('not-found', `${shown} does not exist (HTTP status ${status}).`);
    if (status >= 500 || status === 408 || status === 429)
      throw new TransientError(`the server answers ${status}`);
    throw new StagecraftError('io', `${shown} cannot be fetched: the server answers ${status}.`);
  }
  throw new StagecraftError('io', `${publicAddress(url.href)} redirects more than ${redirects} times.`);
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

function send(url: URL, agent: Agent, options: FetcherOptions): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
    agent,
    auth: findCredential(url, options.credentials),
    headers: { 'user-agent': 'stagecraft', accept: '*/*' },
    signal: options.signal,
    timeout: silence,
  });
  request.on('timeout', () => request.destroy(new TransientError(`no answer within ${silence / 1000} s`)));
  request.on('response', resolve);
  request.on('error', error => {
    reject(error instanceof TransientError ? error : new TransientError(explain(error), { cause: error }));
  });
  request.end();
  return promise;
}

/** The reason in a connection error, also where Node tried several addresses. */
function explain(error: Error): string {
  if (error instanceof AggregateError && error.errors.length > 0) return (error.errors[0] as Error).message;
  return error.message;
}
