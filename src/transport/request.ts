import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { request as requestPlain } from 'node:http';
import { request as requestSecure } from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isErrno, StagecraftError } from '../util/errors.ts';
import type { Agents } from './agents.ts';

export interface Request {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers?: OutgoingHttpHeaders | undefined;
  /** The credential for an address, asked for anew where a redirect leads. */
  readonly authorization?: ((url: URL) => string | undefined) | undefined;
  /** Bytes, or how to read them: a new try reads them anew. */
  readonly body?: Uint8Array | (() => AsyncIterable<Uint8Array> | Iterable<Uint8Array>) | undefined;
  /** False leaves redirects to the caller. */
  readonly follow?: boolean | undefined;
  /** A lost connection is told at once: the caller knows where to go on. */
  readonly once?: boolean | undefined;
  /** Lets a secure address lead to an insecure one: for content that is verified. */
  readonly downgrade?: boolean | undefined;
}

export interface Response {
  /** Where the answer came from in the end. */
  readonly url: URL;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** To be read to its end, or destroyed. */
  readonly body: Readable;
}

export interface RequestServices {
  readonly agents: Agents;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds before the first new try; doubles with each. */
  readonly retryDelay?: number | undefined;
  /** How often a request is sent at most. */
  readonly tries?: number | undefined;
}

const redirects = 10;
/** Bytes that are read for nothing rather than making a new connection. */
const worthReading = 1 << 18;
const usualTries = 4;
/** Milliseconds without a byte before a connection counts as dead. */
const silence = 60_000;
/** Milliseconds: the longest pause that a server may ask for. */
const longestPause = 60_000;

/** A failure of the connection that may be gone at the next try. */
class ConnectionError extends Error {}

/**
 * Sends a request, and again where the connection or the server fails for the moment. Any other answer is returned,
 * whatever its status.
 * @throws StagecraftError `io` when the peer cannot be reached; `cancelled` reasons of the signal as they are
 */
export async function send(request: Request, services: RequestServices): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    const last = attempt >= (services.tries ?? usualTries);
    let pause = (services.retryDelay ?? 500) * 2 ** (attempt - 1);
    try {
      const response = await followed(request, services);
      if (last || !isTransient(response.status)) return response;
      pause = pauseOf(response.headers['retry-after']) ?? pause;
      response.body.destroy();
    } catch (error) {
      services.signal?.throwIfAborted();
      if (!(error instanceof ConnectionError)) throw error;
      if (request.once && !isFinal(error)) throw error;
      if (last || isFinal(error)) throw unreachable(request.url, error);
    }
    await sleep(pause, undefined, { signal: services.signal });
  }
}

/** Whether a stream ended because the connection did, so that the rest may be asked for. */
export function isLost(error: unknown): boolean {
  return (
    error instanceof ConnectionError ||
    isErrno(
      error,
      'ECONNRESET',
      'EPIPE',
      'ETIMEDOUT',
      'ERR_STREAM_PREMATURE_CLOSE',
      'HPE_INVALID_CHUNK_SIZE',
      'HPE_INVALID_EOF_STATE',
    )
  );
}

/** The whole body, unless it is longer than the limit in bytes; then it is read no further. */
export async function readBounded({ body }: Response, limit: number): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > limit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Passes over a body, so that its connection can be used again; one that does not end loses it. */
export function discard({ body }: Pick<Response, 'body'>): void {
  let size = 0;
  body.on('data', (chunk: Uint8Array) => {
    size += chunk.length;
    if (size > worthReading) body.destroy();
  });
  body.on('error', () => {});
}

/** An address to show: without what may be a credential. */
export function shownAddress(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** A peer that cannot be reached, in words. */
export function unreachable(url: URL, cause: Error): StagecraftError {
  return new StagecraftError('io', `${url.protocol}//${url.host} cannot be reached: ${reason(cause)}.`, {
    hint: hintFor(cause),
    cause,
  });
}

async function followed(request: Request, services: RequestServices): Promise<Response> {
  let { url, headers } = request;
  for (let hop = 0; hop <= redirects; hop++) {
    const message = await sendOnce({ ...request, url, headers }, services);
    const status = message.statusCode ?? 0;
    const target = [301, 302, 303, 307, 308].includes(status) && message.headers.location;
    if (!target || request.follow === false) return { url, status, headers: message.headers, body: message };
    discard({ body: message });
    const next = URL.parse(target, url.href);
    if (next === null || !/^https?:$/.test(next.protocol))
      throw new StagecraftError('io', `${shownAddress(url)} redirects to ${target}, which is no address.`);
    if (url.protocol === 'https:' && next.protocol === 'http:' && !request.downgrade)
      throw new StagecraftError(
        'io',
        `${shownAddress(url)} redirects to the insecure ${shownAddress(next)}.`,
        { hint: 'Use the address that it leads to if you trust the way there; ADD also takes a --checksum.' },
      );
    if (next.origin !== url.origin) headers = withoutCredentials(headers);
    url = next;
  }
  throw new StagecraftError('io', `${shownAddress(request.url)} redirects more than ${redirects} times.`);
}

function withoutCredentials(headers: OutgoingHttpHeaders = {}): OutgoingHttpHeaders {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !/^(authorization|cookie|proxy-authorization)$/i.test(name)),
  );
}

async function sendOnce(request: Request, { agents, signal }: RequestServices): Promise<IncomingMessage> {
  const { url, method, headers, body } = request;
  const authorization = request.authorization?.(url);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const outgoing = (url.protocol === 'https:' ? requestSecure : requestPlain)(url, {
    method,
    agent: agents.for(url),
    headers: { 'user-agent': 'stagecraft', ...headers, ...(authorization && { authorization }) },
    signal,
    timeout: silence,
  });
  outgoing.on('timeout', () => outgoing.destroy(new ConnectionError(`no answer within ${silence / 1000} s`)));
  outgoing.on('response', resolve);
  outgoing.on('error', error => {
    const wrapped =
      error instanceof ConnectionError ? error : new ConnectionError(reason(error), { cause: error });
    reject(wrapped);
  });
  if (body === undefined || body instanceof Uint8Array) outgoing.end(body);
  // A server may answer before it has taken all: then the answer counts.
  else pipeline(body(), outgoing).catch(reject);
  return promise;
}

/** What no new try will change: a name that does not exist, nobody who listens, a certificate that is not trusted. */
function isFinal({ cause }: ConnectionError): boolean {
  const first = cause instanceof AggregateError ? cause.errors[0] : cause;
  return isErrno(first, 'ENOTFOUND', 'ECONNREFUSED') || isUntrusted(first);
}

function isUntrusted(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    /CERT|SELF_SIGNED|UNABLE_TO|ALTNAME|ERR_SSL|EPROTO/.test(String(error.code))
  );
}

function isTransient(status: number): boolean {
  return status === 408 || status === 429 || status === 500 || (status >= 502 && status <= 504);
}

/** Milliseconds. RFC 9110, 10.2.3. */
function pauseOf(retryAfter: string | undefined): number | undefined {
  if (retryAfter === undefined) return undefined;
  const seconds = /^[0-9]+$/.test(retryAfter)
    ? Number(retryAfter)
    : (Date.parse(retryAfter) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0) * 1000, longestPause) : undefined;
}

/** The reason in a connection error, also where several addresses were tried. */
function reason(error: Error): string {
  const cause = error instanceof ConnectionError && error.cause instanceof Error ? error.cause : error;
  const first = cause instanceof AggregateError ? (cause.errors[0] as Error | undefined) : cause;
  if (isErrno(first, 'EPROTO')) return 'the server does not speak TLS';
  // Node adds advice on its own flags.
  return (first ?? cause).message.replace(/; if the root CA is installed locally.*/, '');
}

function hintFor(error: Error): string {
  const cause = (error.cause ?? error) as Error;
  if (isErrno(cause, 'ENOTFOUND', 'EAI_AGAIN')) return 'Check the name, the network and the proxy settings.';
  if (isErrno(cause, 'EPROTO'))
    return 'Check the port. A registry that is meant to be without TLS is asked so with --insecure, or with insecure = true in registries.conf.';
  if (isUntrusted(cause))
    return 'Trust its certificate authority: install it on this machine, or name the file in NODE_EXTRA_CA_CERTS; that of a registry may also lie in certs.d.';
  if (isErrno(cause, 'ECONNREFUSED')) return 'Check that the server runs, the port, and the proxy settings.';
  return 'Check the network and the proxy settings, and try again.';
}
