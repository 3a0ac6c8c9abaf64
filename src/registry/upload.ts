import type { Descriptor } from '../image/types.ts';
import type { Response } from '../transport/request.ts';
import { discard, isLost, shownAddress } from '../transport/request.ts';
import type { Digest } from '../util/digest.ts';
import { isErrorCode, StagecraftError } from '../util/errors.ts';
import { firstBytes } from '../util/streams.ts';
import type { RepositoryClient } from './client.ts';

export interface UploadOptions {
  /** Reads the blob's bytes from an offset on. */
  open(from: number): AsyncIterable<Uint8Array>;
  /** Another repository of the registry that may have the blob. */
  readonly mountFrom?: string | undefined;
  /** Told how many bytes the registry has. */
  onBytes?(done: number): void;
  readonly signal?: AbortSignal | undefined;
}

/** Bytes of one piece, where a registry does not take a whole blob in one request. */
const pieceSize = 16 << 20;
/** Servers in front of a registry may take as little as 1 MB. */
const smallestPiece = 256 << 10;
const tries = 3;

/**
 * Sends a blob unless the registry has it (OCI distribution specification, Pushing blobs): by mounting it from another
 * repository, in one request, or in pieces where the registry limits those.
 * @throws StagecraftError `io` with what the registry said
 */
export async function uploadBlob(
  client: RepositoryClient,
  blob: Descriptor,
  options: UploadOptions,
): Promise<'there' | 'mounted' | 'sent'> {
  if (await hasBlob(client, blob.digest)) return 'there';
  const what = `The blob ${blob.digest} cannot be sent to ${client.name}`;
  for (let attempt = 1; ; attempt++) {
    const location = await begin(client, blob, options, what);
    if (location === undefined) return 'mounted';
    try {
      const response = await sendWhole(client, blob, location, options);
      if (response.status === 413) return await sendPieces(client, blob, options, what);
      const isForgotten = (response.status === 404 || response.status === 416) && attempt < tries;
      if (response.status !== 201 && !isForgotten) throw await client.refused(response, what);
      discard(response);
      if (!isForgotten) return 'sent';
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!isLost(error)) throw error;
      // Something on the way may hang up where it should say 413.
      if (attempt === tries) return sendPieces(client, blob, options, what);
    }
    // It may be that only the answer was lost.
    if (await hasBlob(client, blob.digest)) return 'sent';
  }
}

/** Sends a manifest or an index under a tag or its digest (Pushing manifests). @throws as {@link uploadBlob} */
export async function uploadManifest(
  client: RepositoryClient,
  { mediaType, digest }: Descriptor,
  bytes: Uint8Array,
  reference: string = digest,
): Promise<void> {
  const what = `The manifest ${digest} cannot be sent to ${client.name}`;
  const headers = { 'content-type': mediaType, 'content-length': bytes.length };
  const response = await client.request('PUT', `manifests/${reference}`, { headers, body: bytes });
  if (response.status !== 201) throw await client.refused(response, what);
  discard(response);
  const stored = response.headers['docker-content-digest'];
  if (stored !== undefined && stored !== digest)
    throw new StagecraftError('integrity', `${client.name} took ${digest} in, and calls it ${stored}.`);
}

export async function hasBlob(client: RepositoryClient, digest: Digest): Promise<boolean> {
  const response = await client.request('HEAD', `blobs/${digest}`);
  discard(response);
  return response.status === 200;
}

/** Where to send the blob; nothing when the registry has mounted it. */
async function begin(
  client: RepositoryClient,
  { digest }: Descriptor,
  { mountFrom }: UploadOptions,
  what: string,
): Promise<URL | undefined> {
  const ask = (place: string, from?: string): Promise<Response> =>
    client.request('POST', place, { headers: { 'content-length': 0 }, from });
  let response: Response | undefined;
  if (mountFrom !== undefined) {
    const query = new URLSearchParams({ mount: digest, from: mountFrom });
    // Who may not read there sends the blob.
    response = await ask(`blobs/uploads/?${query}`, mountFrom).catch(ifDenied);
    if (response !== undefined && response.status !== 202) discard(response);
    if (response?.status === 201) return undefined;
  }
  if (response?.status !== 202) response = await ask('blobs/uploads/');
  if (response.status !== 202) throw await client.refused(response, what);
  discard(response);
  return locationOf(response, what);
}

function ifDenied(error: unknown): undefined {
  if (!isErrorCode(error, 'io')) throw error;
}

async function sendWhole(
  client: RepositoryClient,
  { digest, size }: Descriptor,
  location: URL,
  { open, onBytes }: UploadOptions,
): Promise<Response> {
  const url = new URL(location);
  url.searchParams.set('digest', digest);
  const headers = { 'content-type': 'application/octet-stream', 'content-length': size };
  return client.request('PUT', url, { headers, body: () => counted(open(0), 0, onBytes), once: true });
}

async function sendPieces(
  client: RepositoryClient,
  blob: Descriptor,
  options: UploadOptions,
  what: string,
): Promise<'sent'> {
  let location = await begin(client, blob, { ...options, mountFrom: undefined }, what);
  let most = pieceSize;
  let lost = 0;
  for (let from = 0; from < blob.size; ) {
    const length = Math.min(most, blob.size - from);
    const headers = {
      'content-type': 'application/octet-stream',
      'content-length': length,
      'content-range': `${from}-${from + length - 1}`,
    };
    const body = (): AsyncIterable<Uint8Array> =>
      counted(firstBytes(options.open(from), length), from, options.onBytes);
    try {
      const response = await client.request('PATCH', location!, { headers, body, once: true });
      if (response.status === 413 && length > smallestPiece) {
        discard(response);
        most = Math.max(smallestPiece, length >> 2);
        continue;
      }
      if (response.status !== 202) throw await client.refused(response, what);
      discard(response);
      location = locationOf(response, what);
      from += length;
      lost = 0;
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!isLost(error) || ++lost === tries) throw error;
      // Something on the way may hang up where it should say 413.
      most = Math.max(smallestPiece, length >> 2);
      ({ location, from } = await progressOf(client, location!, what));
    }
  }
  location!.searchParams.set('digest', blob.digest);
  const response = await client.request('PUT', location!, { headers: { 'content-length': 0 } });
  if (response.status !== 201) throw await client.refused(response, what);
  discard(response);
  return 'sent';
}

/** How many bytes of an upload the registry has, and where the rest goes (Pushing a blob in chunks). */
async function progressOf(
  client: RepositoryClient,
  location: URL,
  what: string,
): Promise<{ location: URL; from: number }> {
  const response = await client.request('GET', location);
  if (response.status !== 204) throw await client.refused(response, what);
  discard(response);
  const [, last] = /^(?:bytes=)?0-([0-9]+)$/.exec(response.headers.range ?? '') ?? [];
  // Of nothing, too, distribution says `0-0`.
  const from = last === undefined || last === '0' ? 0 : Number(last) + 1;
  return { location: locationOf(response, what), from };
}

function locationOf(response: Response, what: string): URL {
  const url = URL.parse(response.headers.location ?? '', response.url.href);
  if (url === null) throw new StagecraftError('io', `${what}: the registry does not say where to.`);
  if (response.url.protocol === 'https:' && url.protocol !== 'https:')
    throw new StagecraftError('io', `${what}: the registry names the insecure ${shownAddress(url)}.`);
  return url;
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  from: number,
  onBytes: (done: number) => void = () => {},
): AsyncGenerator<Uint8Array> {
  let done = from;
  onBytes(done);
  for await (const chunk of source) {
    yield chunk;
    done += chunk.length;
    onBytes(done);
  }
}
