import { rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { ingestPath } from '../content/ingest.ts';
import { acquireLock } from '../store/locks.ts';
import { createAgents } from '../transport/agents.ts';
import type { Response } from '../transport/request.ts';
import { type Digest, digestOf, finishDigest, startDigest } from '../util/digest.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';
import { type Asker, ask, BrokenOff, shownUrl } from './http-answer.ts';
import { downloadName } from './http-name.ts';
import { type DownloadRecord, DownloadRecords } from './http-records.ts';
import type { RemoteProgress, RemoteServices } from './remote.ts';

/** One file on the web, as an LLB source names it. */
export interface HttpSource {
  readonly url: string;
  /** What it must be. */
  readonly checksum?: Digest | undefined;
  /** The file's name; the server's or the address's unless given. */
  readonly filename?: string | undefined;
  /** `accept` and `user-agent`, names in lower case. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The secret that holds the `authorization` header. Those of the host are used where the build has them. */
  readonly authHeaderSecret?: string | undefined;
}

/** A file of the store with the content of a source, verified. */
export interface Download {
  readonly digest: Digest;
  /** Absolute. Only read it: it is shared. */
  readonly path: string;
  readonly filename: string;
  /** Bytes. */
  readonly size: number;
  /** When the server says that it changed. */
  readonly lastModified: Date | undefined;
}

/** Milliseconds between two words about how far a download is. */
const pause = 100;

/**
 * Fetches a file, or finds that the one in the store is what the server still has: by its ETag, else by the time of its
 * last change. One with a known checksum needs no network, and nothing is asked twice in one build.
 * @throws StagecraftError `integrity` when the content is not what the checksum says, and what {@link ask} throws; the store is as it was then
 */
export async function fetchHttp(
  services: RemoteServices,
  source: HttpSource,
  progress: RemoteProgress,
): Promise<Download> {
  const records = new DownloadRecords(services.store);
  const request = requestOf(source);
  const pinned = findPinned(records, request, source);
  if (pinned !== undefined) return pinned;
  const lock = await acquireLock(services.store, `download ${request}`, progress.signal);
  const agents = createAgents({ env: services.env });
  try {
    const known = records.find(request);
    const recent = known.find(({ checkedAt }) => checkedAt >= services.since);
    if (recent !== undefined) return checked(records, source, recent);
    const headers = {
      ...source.headers,
      ...(await authorization(services, source)),
      'accept-encoding': 'gzip',
    };
    const asking = {
      agents,
      signal: progress.signal,
      records,
      request,
      source,
      headers,
      progress,
      root: services.store.root,
    };
    const unchanged = source.checksum === undefined ? await findUnchanged(asking, known) : undefined;
    return describe(records, source, unchanged ?? (await get(asking, known)));
  } finally {
    agents.close();
    lock.release();
  }
}

/** What a source with a checksum is, where the store has it. */
function findPinned(records: DownloadRecords, request: Digest, source: HttpSource): Download | undefined {
  if (source.checksum === undefined) return undefined;
  const record = records.find(request).find(({ digest }) => digest === source.checksum);
  return record && describe(records, source, record);
}

/** Names what is asked of the server: equal requests may be answered by one download. */
function requestOf({ url, headers = {}, authHeaderSecret = '' }: HttpSource): Digest {
  return digestOf(JSON.stringify([url, Object.entries(headers).sort(), authHeaderSecret]));
}

function describe(records: DownloadRecords, source: HttpSource, record: DownloadRecord): Download {
  const path = records.path(record.digest);
  const modified = record.lastModified === null ? Number.NaN : Date.parse(record.lastModified);
  return {
    digest: record.digest,
    path,
    filename: downloadName(source.url, source.filename, record.disposition ?? undefined),
    size: statSync(path).size,
    lastModified: Number.isNaN(modified) ? undefined : new Date(modified),
  };
}

function checked(records: DownloadRecords, source: HttpSource, record: DownloadRecord): Download {
  if (source.checksum !== undefined && source.checksum !== record.digest)
    throw mismatch(source, record.digest);
  return describe(records, source, record);
}

function mismatch({ url, checksum }: HttpSource, digest: Digest): StagecraftError {
  return new StagecraftError(
    'integrity',
    `${shownUrl(url)} has the digest ${digest}, not ${checksum} as its checksum says.`,
    { hint: 'The file changed on the server or on its way. If you trust the new one, change the checksum.' },
  );
}

/** The secrets `HTTP_AUTH_TOKEN_<host>` and `HTTP_AUTH_HEADER_<host>`, or the one that the source names. */
async function authorization(
  { lent }: RemoteServices,
  { url, authHeaderSecret }: HttpSource,
): Promise<Record<string, string>> {
  const text = async (id: string): Promise<string | undefined> => {
    const value = await lent.secret(id);
    return value && Buffer.from(value).toString('utf8').trim();
  };
  if (authHeaderSecret !== undefined) {
    const header = await text(authHeaderSecret);
    if (header !== undefined) return { authorization: header };
    throw new StagecraftError(
      'not-found',
      `Fetching ${shownUrl(url)} needs the secret '${authHeaderSecret}', which the build was not given.`,
      { hint: `Pass it with --secret id=${authHeaderSecret},env=VARIABLE.` },
    );
  }
  const host = URL.parse(url)?.hostname.replace(/^\[|\]$/g, '');
  const token = await text(`HTTP_AUTH_TOKEN_${host}`);
  if (token !== undefined) return { authorization: `Bearer ${token}` };
  const header = await text(`HTTP_AUTH_HEADER_${host}`);
  return header === undefined ? {} : { authorization: header };
}

/** A question to a server. */
interface Asking extends Asker {
  readonly records: DownloadRecords;
  readonly request: Digest;
  readonly source: HttpSource;
  readonly headers: Readonly<Record<string, string>>;
  readonly progress: RemoteProgress;
  /** Of the store. */
  readonly root: string;
}

/**
 * Asks for the head only, and compares ETags here: some servers give them and do not understand `if-none-match`. What
 * goes wrong will go wrong again, and be told, when the file is asked for.
 */
async function findUnchanged(
  asking: Asking,
  known: readonly DownloadRecord[],
): Promise<DownloadRecord | undefined> {
  const { source } = asking;
  const tagged = known.filter(({ etag }) => etag !== null);
  if (tagged.length === 0) return undefined;
  const head = {
    method: 'HEAD',
    headers: { ...asking.headers, ...conditions(tagged) },
    accept: () => true,
    verified: false,
  } as const;
  return ask(source.url, head, asking, async response =>
    response.status === 200 || response.status === 304 ? confirm(asking, tagged, response) : undefined,
  );
}

/** Gets the file, unless the server says that it has one of those that are known. */
async function get(asking: Asking, known: readonly DownloadRecord[]): Promise<DownloadRecord> {
  const { source, headers } = asking;
  const verified = source.checksum !== undefined;
  const revalidated = verified ? [] : known;
  const question = {
    headers: { ...headers, ...conditions(revalidated) },
    accept: (status: number) => status === 304 && revalidated.length > 0,
    verified,
  };
  const answer = await ask(source.url, question, asking, async response =>
    response.status === 304 ? confirm(asking, revalidated, response) : receive(asking, response),
  );
  // It did not say which of several it meant.
  return answer ?? ask(source.url, { headers, verified }, asking, response => receive(asking, response));
}

function conditions(known: readonly DownloadRecord[]): Record<string, string> {
  const tags = known.map(({ etag }) => etag).filter(etag => etag !== null);
  if (tags.length > 0) return { 'if-none-match': tags.join(', ') };
  const time = known.find(({ lastModified }) => lastModified !== null)?.lastModified;
  return time === null || time === undefined ? {} : { 'if-modified-since': time };
}

/** The record that an answer without a body speaks of. */
function confirm(
  { records, request }: Asking,
  known: readonly DownloadRecord[],
  { status, headers }: Response,
): DownloadRecord | undefined {
  const tags = known.filter(({ etag }) => etag !== null);
  const same = tags.find(({ etag }) => strong(etag!) === strong(headers.etag ?? ''));
  const meant =
    tags.length > 0 ? tags : known.filter(({ lastModified }) => lastModified !== null).slice(0, 1);
  const only = status === 304 && headers.etag === undefined && meant.length === 1 ? meant[0] : undefined;
  const record = same ?? only;
  if (record !== undefined) records.confirm(request, record.digest);
  return record;
}

/** The tag without the mark of a weak one: some servers add it where they compress. */
function strong(etag: string): string {
  return etag.replace(/^W\//, '');
}

/** Writes the body aside, verifies it, and keeps it. */
async function receive(asking: Asking, response: Response): Promise<DownloadRecord> {
  const { records, request, source, root } = asking;
  const draft = ingestPath(root, 'download');
  try {
    const digest = await write(asking, response, draft);
    if (source.checksum !== undefined && digest !== source.checksum) throw mismatch(source, digest);
    const { headers } = response;
    const record: DownloadRecord = {
      digest,
      etag: headers.etag ?? null,
      lastModified: headers['last-modified'] ?? null,
      disposition: headers['content-disposition'] ?? null,
      checkedAt: Date.now(),
    };
    records.keep(request, record, draft);
    return record;
  } catch (error) {
    throw isErrno(error, 'ENOSPC', 'EDQUOT')
      ? new StagecraftError('io', `${shownUrl(source.url)} does not fit into the store ${root}.`, {
          hint: 'Free some space (`stagecraft prune` does), or set STAGECRAFT_ROOT to another place.',
          cause: error,
        })
      : error;
  } finally {
    rmSync(draft, { force: true });
  }
}

async function write({ source, progress }: Asking, response: Response, draft: string): Promise<Digest> {
  const isZipped = response.headers['content-encoding'] === 'gzip';
  const total = isZipped ? Number.NaN : Number(response.headers['content-length'] ?? Number.NaN);
  const status = `downloading ${downloadName(source.url, source.filename, undefined)}`;
  const running = startDigest();
  const file = await open(draft, 'wx', 0o644);
  try {
    let size = 0;
    let told = 0;
    for await (const chunk of isZipped ? unzipped(response.body) : (response.body as AsyncIterable<Buffer>)) {
      running.update(chunk);
      size += chunk.length;
      await file.writeFile(chunk);
      if (performance.now() - told < pause) continue;
      told = performance.now();
      progress.status(status, size, Number.isNaN(total) ? undefined : total);
    }
    progress.status(status, size, size);
    return finishDigest(running);
  } finally {
    await file.close();
  }
}

/** What the server compressed for the way, as Go's client undoes it. */
async function* unzipped(body: Readable): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  body.once('error', error => gunzip.destroy(error));
  try {
    yield* body.pipe(gunzip);
  } catch (error) {
    if (!isErrno(error, 'Z_BUF_ERROR', 'Z_DATA_ERROR')) throw error;
    throw new BrokenOff('the compressed content is damaged or ends too early', { cause: error });
  }
}
