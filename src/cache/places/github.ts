import { text as readText } from 'node:stream/consumers';
import type { Descriptor } from '../../image/types.ts';
import { createAgents } from '../../transport/agents.ts';
import { type Response, send } from '../../transport/request.ts';
import { digestHex, digestOf } from '../../util/digest.ts';
import { StagecraftError } from '../../util/errors.ts';
import { forEachAtOnce } from '../../util/parallel.ts';
import { firstBytes, once } from '../../util/streams.ts';
import { readAnnotated, writeAnnotated } from '../annotated.ts';
import { configLimit } from '../config.ts';
import type { ImportedCache } from '../imported.ts';
import type { CacheTarget } from '../target.ts';

/** The cache of GitHub Actions, by the second version of its service. */
export interface GithubOptions {
  readonly url: string;
  /** What a runner gives its job: a web token that also says which scopes of the repository it may use. */
  readonly token: string;
  /** Keeps caches of one repository apart. */
  readonly scope: string;
  /** Milliseconds for all of it. */
  readonly timeout: number;
  /** How to list what is there by GitHub's API, instead of a question for each blob: those are limited in number. */
  readonly listing?: { readonly url: string; readonly token: string; readonly repository: string };
}

/** What entries are compared by, besides their keys; as BuildKit has it. */
const version = digestHex(digestOf('|go-actionscache-1.0'));
/** Bytes of a blob that is sent in one request. */
const wholeSize = 256 << 20;
/** Bytes of a piece of a larger one. */
const pieceSize = 128 << 20;
/** Blobs sent at once. */
const atOnce = 4;
const service = 'twirp/github.actions.results.api.v1.CacheService';

interface Entry {
  readonly key: string;
  readonly url: URL;
}

/** The entries of the service: immutable content by key. */
class Entries {
  readonly #options: GithubOptions;
  readonly #agents = createAgents({ env: process.env });
  readonly #signal: AbortSignal;

  constructor(options: GithubOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = AbortSignal.any([signal, AbortSignal.timeout(options.timeout)]);
  }

  /** The newest entry whose key begins so. */
  async find(start: string): Promise<Entry | undefined> {
    const answer = await this.#call('GetCacheEntryDownloadURL', {
      key: start,
      restore_keys: [start],
      version,
    });
    const { ok, signed_download_url: address, matched_key: key } = answer;
    if (ok !== true) return undefined;
    return { key: String(key ?? ''), url: this.#addressOf(address) };
  }

  async *read({ url }: Entry, from: number): AsyncGenerator<Uint8Array> {
    const headers = { 'x-ms-version': apiVersion, ...(from > 0 && { range: `bytes=${from}-` }) };
    const response = await this.#send({ method: 'GET', url, headers });
    if (response.status !== (from > 0 ? 206 : 200)) throw await refused(response);
    yield* response.body;
  }

  /** Writes an entry; false where there is one of that key, complete or on its way. */
  async write(
    key: string,
    size: number,
    read: (from: number) => AsyncIterable<Uint8Array>,
  ): Promise<boolean> {
    const created = await this.#call('CreateCacheEntry', { key, version }, 409);
    if (created.ok !== true) return false;
    await this.#upload(this.#addressOf(created.signed_upload_url), size, read);
    const finished = await this.#call('FinalizeCacheEntryUpload', { key, size_bytes: String(size), version });
    if (finished.ok === true) return true;
    throw new StagecraftError('io', `The cache of GitHub Actions did not take the entry ${key}.`);
  }

  /**
   * The keys of this job's scopes that begin so, by GitHub's REST API ("List GitHub Actions caches for a repository");
   * nothing where the options give no way to ask.
   */
  async list(start: string): Promise<Set<string> | undefined> {
    const { listing } = this.#options;
    if (listing === undefined) return undefined;
    const keys = new Set<string>();
    for (const ref of this.scopes().read)
      for (let page = 1, isLast = false; !isLast; page++) {
        const url = new URL(`${listing.url.replace(/\/+$/, '')}/repos/${listing.repository}/actions/caches`);
        url.search = String(new URLSearchParams({ key: start, ref, page: String(page), per_page: '100' }));
        const headers = {
          accept: 'application/vnd.github+json',
          authorization: `Bearer ${listing.token}`,
          'x-github-api-version': '2022-11-28',
        };
        const response = await this.#send({ method: 'GET', url, headers });
        if (response.status !== 200) throw await refused(response);
        const { total_count: total, actions_caches: found } = JSON.parse(await readText(response.body)) as {
          total_count: number;
          actions_caches: { key: string }[];
        };
        for (const { key } of found) keys.add(key);
        isLast = found.length === 0 || total <= page * 100;
      }
    return keys;
  }

  close(): void {
    this.#agents.close();
  }

  /** What the job's token lets it use: the scope to write to, and all that it may read, nearest first. */
  scopes(): { write: string; read: string[] } {
    const wrong = new StagecraftError('usage', 'ACTIONS_RUNTIME_TOKEN is no token of GitHub Actions.');
    try {
      const [, claims = ''] = this.#options.token.split('.');
      const { ac } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { ac: string };
      const scopes = JSON.parse(ac) as { Scope: string; Permission: number }[];
      const write = scopes.findLast(({ Permission }) => (Permission & 2) !== 0)?.Scope ?? '';
      return { write, read: scopes.map(({ Scope }) => Scope) };
    } catch {
      throw wrong;
    }
  }

  /** The key of what the cache knows, in one scope; each version of it has one more number behind. */
  indexKey(scope: string): string {
    return `index-${this.#options.scope}-1-${digestHex(digestOf(scope)).slice(0, 8)}#`;
  }

  /** Sends content to where the service says: Azure's storage of blobs (Put Blob, Put Block, Put Block List). */
  async #upload(url: URL, size: number, read: (from: number) => AsyncIterable<Uint8Array>): Promise<void> {
    const put = async (place: URL, length: number, body: () => AsyncIterable<Uint8Array>, more = {}) => {
      const headers = { 'content-length': length, 'x-ms-version': apiVersion, ...more };
      const response = await this.#send({ method: 'PUT', url: place, headers, body });
      if (response.status !== 201) throw await refused(response);
      response.body.resume();
    };
    if (size <= wholeSize) return put(url, size, () => read(0), { 'x-ms-blob-type': 'BlockBlob' });
    const ids: string[] = [];
    for (let from = 0; from < size; from += pieceSize) {
      const id = Buffer.from(String(ids.length).padStart(8, '0')).toString('base64');
      const length = Math.min(pieceSize, size - from);
      const place = new URL(url);
      place.searchParams.set('comp', 'block');
      place.searchParams.set('blockid', id);
      await put(place, length, () => firstBytes(read(from), length));
      ids.push(id);
    }
    const list = `<?xml version="1.0" encoding="utf-8"?><BlockList>${ids.map(id => `<Latest>${id}</Latest>`).join('')}</BlockList>`;
    const place = new URL(url);
    place.searchParams.set('comp', 'blocklist');
    await put(place, list.length, () => once(Buffer.from(list)));
  }

  async #call(method: string, body: object, refusal?: number): Promise<Record<string, unknown>> {
    const { url, token } = this.#options;
    const bytes = Buffer.from(JSON.stringify(body));
    const response = await this.#send({
      method: 'POST',
      url: new URL(`${url.replace(/\/+$/, '')}/${service}/${method}`),
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'content-length': bytes.length,
      },
      body: bytes,
    });
    if (response.status === refusal) {
      response.body.resume();
      return {};
    }
    if (response.status !== 200) throw await refused(response);
    try {
      return JSON.parse(await readText(response.body)) as Record<string, unknown>;
    } catch (error) {
      throw new StagecraftError('io', 'The cache of GitHub Actions does not answer in JSON.', {
        cause: error,
      });
    }
  }

  async #send(request: Parameters<typeof send>[0]): Promise<Response> {
    try {
      return await send(request, { agents: this.#agents, signal: this.#signal });
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'TimeoutError') throw error;
      throw new StagecraftError('io', 'The cache of GitHub Actions took too long.', {
        hint: 'Give it more time with timeout=20m, or less to do with mode=min.',
        cause: error,
      });
    }
  }

  #addressOf(text: unknown): URL {
    const url = typeof text === 'string' ? URL.parse(text) : null;
    if (url !== null) return url;
    throw new StagecraftError('io', 'The cache of GitHub Actions does not say where an entry lies.');
  }
}

/** The version of Azure's protocol whose single requests take the largest blobs. */
const apiVersion = '2020-10-02';

const blobPrefix = 'buildkit-blob-1-';
const blobKey = ({ digest }: Descriptor): string => `${blobPrefix}${digest}`;

/** Reads what a cache of GitHub Actions knows, in all scopes that the job may read. @throws StagecraftError `integrity`, `io` */
export async function readGithubCache(options: GithubOptions, signal: AbortSignal): Promise<ImportedCache[]> {
  const entries = new Entries(options, signal);
  const caches = entries.scopes().read.map(async (scope): Promise<ImportedCache[]> => {
    const entry = await entries.find(entries.indexKey(scope));
    if (entry === undefined) return [];
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of entries.read(entry, 0)) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > configLimit) throw new StagecraftError('integrity', 'The cache config is too long.');
    }
    return [
      readAnnotated(Buffer.concat(chunks), async function* (descriptor, from) {
        const blob = await entries.find(blobKey(descriptor));
        if (blob?.key !== blobKey(descriptor))
          throw new StagecraftError(
            'not-found',
            `The cache of GitHub Actions has no blob ${descriptor.digest}.`,
          );
        yield* entries.read(blob, from);
      }),
    ];
  });
  return (await Promise.all(caches)).flat();
}

/** Writes a cache of GitHub Actions, into the scope that the job may write to. */
export function githubTarget(options: GithubOptions, signal: AbortSignal): CacheTarget {
  const entries = new Entries(options, signal);
  let listed: Promise<Set<string> | undefined> | undefined;
  const has = async (blob: Descriptor): Promise<boolean> => {
    const key = blobKey(blob);
    // Without a list each blob is asked for.
    listed ??= entries.list(blobPrefix).catch(() => undefined);
    const known = await listed;
    return known === undefined ? (await entries.find(key))?.key === key : known.has(key);
  };
  return {
    has,
    async sendLayers(layers, status) {
      await forEachAtOnce(layers, atOnce, async layer => {
        const { digest, size } = layer.descriptor;
        if (!(await has(layer.descriptor))) await entries.write(blobKey(layer.descriptor), size, layer.read);
        status(digest, size, size);
      });
    },
    async finish(config, layers) {
      const bytes = writeAnnotated(config, layers);
      const start = entries.indexKey(entries.scopes().write);
      const newest = await entries.find(start);
      // Entries cannot be replaced, so the next number is taken; one that another job takes now is left to it.
      let number = Number(newest?.key.slice(start.length) ?? 0) || 0;
      for (let taken = true; taken; ) {
        number += 1;
        taken = !(await entries.write(`${start}${number}`, bytes.length, from => once(bytes.subarray(from))));
      }
      entries.close();
      return undefined;
    },
  };
}

async function refused(response: Response): Promise<StagecraftError> {
  const said = (await readText(response.body)).slice(0, 300).trim();
  return new StagecraftError(
    response.status === 404 ? 'not-found' : 'io',
    `The cache of GitHub Actions answers with ${response.status}${said && `: ${said}`}.`,
  );
}
