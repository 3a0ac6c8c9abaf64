import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { Digest } from '../util/digest.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';

/** A running Docker engine, by its HTTP API. */
export interface Engine {
  /**
   * Whether it keeps images as they came, in containerd's store: then it takes indexes and attestations, wants every
   * layer, and knows an image by the digest of its manifest or index.
   */
  keepsWhole(): Promise<boolean>;
  /** The layers, as lists of diffIDs base first, that its images have. */
  layers(): Promise<Digest[][]>;
  /**
   * Takes the images of an archive in: Docker's, or an OCI layout where it keeps images whole.
   * @throws StagecraftError `io` with what the engine says
   */
  load(archive: AsyncIterable<Uint8Array>): Promise<void>;
}

/**
 * The engine that Docker's client would talk to: `DOCKER_HOST`, else the usual socket.
 * @throws StagecraftError `unsupported` for an address that is no socket and no plain TCP
 */
export function openEngine(env: NodeJS.ProcessEnv, signal?: AbortSignal): Engine {
  const address = env.DOCKER_HOST || 'unix:///var/run/docker.sock';
  const to = { ...targetOf(address), signal };
  return {
    async keepsWhole() {
      const { DriverStatus } = await ask<{ DriverStatus?: [string, string][] }>(address, to, '/info');
      return (DriverStatus ?? []).some(([, value]) => value.startsWith('io.containerd.snapshotter'));
    },
    async layers() {
      const images = await ask<{ Id: string }[]>(address, to, '/images/json');
      const known = images.map(async ({ Id }) => {
        const { RootFS } = await ask<{ RootFS?: { Layers?: Digest[] } }>(address, to, `/images/${Id}/json`);
        return RootFS?.Layers ?? [];
      });
      return Promise.all(known);
    },
    async load(archive) {
      const response = await send(address, { ...to, method: 'POST', path: '/images/load?quiet=1' }, archive);
      const answer = await text(response);
      // The status is sent before the work is done; what failed is told in the stream.
      const lines = answer.split('\n').filter(line => line.trim() !== '');
      const failure = lines.map(parseLine).find(line => line.error !== undefined);
      if (response.statusCode === 200 && failure === undefined) return;
      const reason = failure?.error ?? parseLine(answer).message ?? `it answers ${response.statusCode}`;
      throw new StagecraftError('io', `The Docker engine at ${address} did not take the image: ${reason}.`);
    },
  };
}

function targetOf(address: string): RequestOptions {
  const url = URL.parse(address);
  if (url?.protocol === 'unix:') return { socketPath: decodeURIComponent(url.pathname) };
  if (url?.protocol === 'tcp:' && url.port !== '2376')
    return { host: url.hostname, port: url.port || '2375' };
  throw new StagecraftError('unsupported', `The Docker engine at ${address} cannot be reached from here.`, {
    hint: 'Only sockets and plain TCP are spoken: forward its socket, or use -o type=docker,dest=FILE and docker load.',
  });
}

async function ask<T>(address: string, to: RequestOptions, path: string): Promise<T> {
  const response = await send(address, { ...to, method: 'GET', path });
  const answer = await text(response);
  if (response.statusCode === 200) return JSON.parse(answer) as T;
  const reason = parseLine(answer).message ?? `it answers ${response.statusCode}`;
  throw new StagecraftError('io', `The Docker engine at ${address} refuses ${path}: ${reason}.`);
}

async function send(
  address: string,
  options: RequestOptions,
  body?: AsyncIterable<Uint8Array>,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const outgoing = request({ ...options, headers: { host: 'docker', 'content-type': 'application/x-tar' } });
  outgoing.on('response', resolve);
  outgoing.on('error', error => reject(unreachable(address, error)));
  if (body === undefined) outgoing.end();
  // The engine may answer, and close, before it has read all: then its answer counts.
  else pipeline(Readable.from(body), outgoing).catch(error => reject(unreachable(address, error)));
  return promise;
}

function unreachable(address: string, error: unknown): unknown {
  if (!isErrno(error, 'ENOENT', 'ECONNREFUSED', 'EACCES', 'ENOTFOUND', 'ECONNRESET', 'EPIPE')) return error;
  const hint = isErrno(error, 'EACCES')
    ? 'You may not use its socket: be a member of the group docker, or use -o type=docker,dest=FILE.'
    : 'Start it, or name it in DOCKER_HOST; -o type=docker,dest=FILE writes an archive instead.';
  return new StagecraftError(
    'io',
    `The Docker engine at ${address} cannot be reached: ${(error as Error).message}.`,
    {
      hint,
      cause: error,
    },
  );
}

function parseLine(line: string): { error?: string; message?: string } {
  try {
    return JSON.parse(line) as { error?: string; message?: string };
  } catch {
    return {};
  }
}
