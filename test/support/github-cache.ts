import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { Workspace } from './workspace.ts';

/** The token of a job, and the variables by which a runner says where its cache is. */
export interface GithubCache {
  readonly env: Record<string, string>;
  /** What was asked of the service, by method. */
  readonly calls: string[];
}

/**
 * Stands in for the cache service of GitHub Actions, version 2, and the storage behind it, neither of which can be had
 * elsewhere: three methods by Twirp, entries that never change, the newest of those whose keys begin as asked, uploads
 * and downloads at signed addresses. It refuses what GitHub's refuses: a wrong token, a wrong kind of blob, another size
 * than was sent.
 */
export async function startGithubCache(work: Workspace): Promise<GithubCache> {
  const scopes = [{ Scope: 'refs/heads/main', Permission: 3 }];
  // As BuildKit reads it: a web token with times in it, whose signature nobody checks.
  const now = Math.floor(Date.now() / 1000);
  const token = [
    { alg: 'HS256', typ: 'JWT' },
    { ac: JSON.stringify(scopes), nbf: now - 60, exp: now + 3600 },
    'signed',
  ]
    .map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const entries = new Map<string, { key: string; version: string; data?: Buffer; done: boolean }>();
  const blocks = new Map<string, Buffer>();
  const calls: string[] = [];
  const idOf = (key: string) => createHash('sha256').update(key).digest('hex');
  let base = '';

  const call = (method: string, body: Record<string, unknown>): [number, object] => {
    const { key, version } = body as { key: string; version: string };
    if (method === 'CreateCacheEntry') {
      if (entries.has(idOf(key))) return [409, { code: 'already_exists', msg: 'cache entry exists' }];
      entries.set(idOf(key), { key, version, done: false });
      return [200, { ok: true, signed_upload_url: `${base}/blob/${idOf(key)}?sig=secret` }];
    }
    if (method === 'FinalizeCacheEntryUpload') {
      const entry = entries.get(idOf(key));
      if (entry?.data?.length !== Number(body.size_bytes)) return [400, { code: 'invalid_argument' }];
      entry.done = true;
      return [200, { ok: true, entry_id: '1' }];
    }
    if (method !== 'GetCacheEntryDownloadURL') return [404, { code: 'bad_route' }];
    const wanted = [...entries.values()].filter(entry => entry.done && entry.version === version).reverse();
    const starts = [key, ...(body.restore_keys as string[])];
    const found =
      wanted.find(entry => entry.key === key) ??
      wanted.find(entry => starts.some(start => entry.key.startsWith(start)));
    if (found === undefined) return [200, { ok: false, signed_download_url: '', matched_key: '' }];
    const url = `${base}/blob/${idOf(found.key)}?sig=secret`;
    return [200, { ok: true, signed_download_url: url, matched_key: found.key }];
  };

  const store = async (request: IncomingMessage, url: URL): Promise<number> => {
    const entry = entries.get(url.pathname.slice('/blob/'.length));
    if (entry === undefined || entry.done || url.searchParams.get('sig') !== 'secret') return 403;
    const data = await buffer(request);
    const part = url.searchParams.get('comp');
    if (part === 'block') blocks.set(url.searchParams.get('blockid') ?? '', data);
    else if (part === 'blocklist') {
      const ids = [...data.toString().matchAll(/<Latest>(.*?)<\/Latest>/g)].map(([, id]) => id!);
      entry.data = Buffer.concat(ids.map(id => blocks.get(id)!));
    } else if (request.headers['x-ms-blob-type'] !== 'BlockBlob') return 400;
    else entry.data = data;
    return 201;
  };

  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '', base);
    if (url.pathname.startsWith('/blob/')) {
      // Azure gives each answer a name, without which BuildKit's client does not go on.
      response.setHeader('x-ms-request-id', '4711');
      if (request.method === 'PUT') return response.writeHead(await store(request, url)).end();
      const data = entries.get(url.pathname.slice('/blob/'.length))?.data;
      if (data === undefined || request.headers.authorization !== undefined)
        return response.writeHead(403).end();
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      return response.writeHead(from > 0 ? 206 : 200).end(data.subarray(from));
    }
    // GitHub's REST API, which has a token of its own.
    if (url.pathname === '/repos/team/app/actions/caches') {
      if (request.headers.authorization !== 'Bearer rest') return response.writeHead(401).end();
      calls.push('list');
      const start = url.searchParams.get('key') ?? '';
      const all = [...entries.values()].filter(({ key, done }) => done && key.startsWith(start));
      // Two a page, for there to be several.
      const page = Number(url.searchParams.get('page'));
      const shown = all.slice(2 * (page - 1), 2 * page).map(({ key }) => ({ key }));
      const answer = { total_count: all.length * 50, actions_caches: shown };
      return response.writeHead(200).end(JSON.stringify(answer));
    }
    const body = JSON.parse((await buffer(request)).toString());
    if (request.headers.authorization !== `Bearer ${token}`) return response.writeHead(401).end();
    const method = url.pathname.split('/').at(-1)!;
    calls.push(method);
    const [status, answer] = call(method, body);
    return response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  work.atEnd(() => server.close());
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const env = { ACTIONS_RESULTS_URL: `${base}/`, ACTIONS_RUNTIME_TOKEN: token, GITHUB_API_URL: base };
  return { env, calls };
}
