import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { openStore, type Store } from '../store/store.ts';
import { digestOf } from '../util/digest.ts';
import { fc } from '../util/property.ts';
import { type Download, fetchHttp, type HttpSource } from './http.ts';
import { dispositionName, downloadName } from './http-name.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const secrets = new Map<string, string>();
let directory: string;
let store: Store;
let answer: Answer;
let asked: string[];
let tomorrow = Date.now();
const server: Server = createServer((request, response) => {
  asked.push(`${request.method} ${request.url}`);
  answer(request, response);
});
await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
after(() => server.close());
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/dir/file.txt`;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'stagecraft-http-'));
  store = openStore(join(directory, 'store'));
  asked = [];
  secrets.clear();
});
afterEach(() => {
  store.close();
  rmSync(directory, { recursive: true });
});

/** Each call is one build, later than all before. */
function fetchIt(source: Partial<HttpSource> = {}, signal?: AbortSignal): Promise<Download> {
  tomorrow += 86_400_000;
  const lent = {
    secret: async (id: string) => {
      const value = secrets.get(id);
      return value === undefined ? undefined : Buffer.from(value);
    },
    sshAgent: async () => undefined,
  };
  const services = { store, since: tomorrow, lent, env: {} };
  const progress = { status: () => {}, signal: signal ?? new AbortController().signal };
  return fetchHttp(services, { url, ...source }, progress);
}

const content = ({ path }: Download): string => readFileSync(path, 'utf8');

/** What is in the store after a failure: nothing. */
function assertNothingKept(): void {
  assert.deepEqual(readdirSync(store.path('ingest')), []);
  if (existsSync(store.path('downloads'))) assert.deepEqual(readdirSync(store.path('downloads')), []);
  assert.equal(store.db.prepare('SELECT count(*) AS count FROM downloads').get()!.count, 0);
}

suite('a file on the web', () => {
  test('is asked for once in a build, and again in the next', async () => {
    answer = (_, response) => response.end('one');
    const since = Date.now();
    const services = {
      store,
      since,
      lent: { secret: async () => undefined, sshAgent: async () => undefined },
      env: {},
    };
    const progress = { status: () => {}, signal: new AbortController().signal };
    const downloads = await Promise.all([1, 2].map(() => fetchHttp(services, { url }, progress)));
    assert.deepEqual(downloads.map(content), ['one', 'one']);
    assert.equal(asked.length, 1);
    await fetchIt();
    assert.equal(asked.length, 2);
  });

  test('with an ETag is not fetched again while the head has it', async () => {
    let tag = '"a"';
    answer = ({ method }, response) => {
      response.setHeader('etag', tag);
      response.end(method === 'HEAD' ? '' : `content ${tag}`);
    };
    assert.equal(content(await fetchIt()), 'content "a"');
    tag = 'W/"a"';
    assert.equal(content(await fetchIt()), 'content "a"');
    assert.deepEqual(asked, ['GET /dir/file.txt', 'HEAD /dir/file.txt']);
    tag = '"b"';
    assert.equal(content(await fetchIt()), 'content "b"');
    // Both are known now, whichever the server has.
    tag = '"a"';
    asked = [];
    assert.equal(content(await fetchIt()), 'content "a"');
    assert.deepEqual(asked, ['HEAD /dir/file.txt']);
  });

  test('with an ETag survives a server that knows no HEAD', async () => {
    answer = ({ method, headers }, response) => {
      if (method === 'HEAD') return void response.writeHead(405).end();
      if (headers['if-none-match'] === '"a"') return void response.writeHead(304).end();
      response.setHeader('etag', '"a"').end('content');
    };
    await fetchIt();
    assert.equal(content(await fetchIt()), 'content');
    assert.deepEqual(asked, ['GET /dir/file.txt', 'HEAD /dir/file.txt', 'GET /dir/file.txt']);
  });

  test('without an ETag is asked for by the time of its last change', async () => {
    const time = 'Sun, 06 Nov 1994 08:49:37 GMT';
    const seen: (string | undefined)[] = [];
    answer = ({ headers }, response) => {
      seen.push(headers['if-modified-since']);
      if (headers['if-modified-since'] === time) return void response.writeHead(304).end();
      response.setHeader('last-modified', time).end('content');
    };
    const first = await fetchIt();
    const second = await fetchIt();
    assert.deepEqual(seen, [undefined, time]);
    assert.deepEqual(second, first);
    assert.equal(second.lastModified?.toISOString(), '1994-11-06T08:49:37.000Z');
  });

  test('with a known checksum needs no server, and with a wrong one is refused', async () => {
    answer = (_, response) => response.end('content');
    const checksum = digestOf('content');
    assert.equal((await fetchIt({ checksum })).digest, checksum);
    await fetchIt({ checksum });
    assert.equal(asked.length, 1);
    await assert.rejects(fetchIt({ checksum: digestOf('other') }), {
      code: 'integrity',
      message: `${url} has the digest ${checksum}, not ${digestOf('other')} as its checksum says.`,
    });
  });

  test('that is not what its checksum says leaves nothing', async () => {
    answer = (_, response) => response.end('content');
    await assert.rejects(fetchIt({ checksum: digestOf('other') }), { code: 'integrity' });
    assertNothingKept();
  });

  test('that breaks off is tried again, and in the end nothing of it stays', async () => {
    answer = (_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half', () => response.destroy());
    };
    await assert.rejects(fetchIt(), { code: 'io', message: /ended before the whole file had come/ });
    assert.equal(asked.length, 3);
    assertNothingKept();
    answer = (_, response) => {
      if (asked.length > 4) return void response.end('whole');
      response.writeHead(200, { 'content-length': 100 });
      response.write('half', () => response.destroy());
    };
    assert.equal(content(await fetchIt()), 'whole');
  });

  test('compressed for the way is kept as it is', async () => {
    answer = ({ headers }, response) => {
      assert.equal(headers['accept-encoding'], 'gzip');
      response.setHeader('content-encoding', 'gzip').end(gzipSync('content'));
    };
    assert.equal(content(await fetchIt()), 'content');
  });

  test('compressed for the way and cut short is refused', async () => {
    answer = (_, response) =>
      response.setHeader('content-encoding', 'gzip').end(gzipSync('content').subarray(0, 15));
    await assert.rejects(fetchIt(), { code: 'io' });
    assertNothingKept();
  });

  test('that is not there, or forbidden, or leads in a circle, says so', async () => {
    answer = (_, response) => response.writeHead(404).end('no');
    await assert.rejects(fetchIt(), {
      code: 'not-found',
      message: `${url} does not exist: the server answers 404 (Not Found).`,
    });
    answer = (_, response) => response.writeHead(401).end();
    await assert.rejects(fetchIt(), (error: Error & { hint?: string }) => {
      assert.match(error.message, /answers 401/);
      assert.match(String(error.hint), /--secret id=HTTP_AUTH_TOKEN_127\.0\.0\.1,env=/);
      return true;
    });
    answer = (_, response) => response.writeHead(302, { location: '/dir/file.txt' }).end();
    await assert.rejects(fetchIt(), { message: /redirects more than 10 times/ });
    assertNothingKept();
  });

  test('is asked for with the secret of its host, and with no other', async () => {
    const seen: (string | undefined)[] = [];
    answer = ({ headers }, response) => {
      seen.push(headers.authorization);
      response.end('content');
    };
    secrets.set('HTTP_AUTH_TOKEN_other', 'other');
    await fetchIt();
    secrets.set('HTTP_AUTH_HEADER_127.0.0.1', 'Basic abc');
    await fetchIt();
    secrets.set('HTTP_AUTH_TOKEN_127.0.0.1', 'token\n');
    await fetchIt();
    secrets.set('own', 'Own key');
    await fetchIt({ authHeaderSecret: 'own' });
    await fetchIt({ url: url.replace('//', '//user:p%40ss@') });
    assert.deepEqual(seen, [
      undefined,
      'Basic abc',
      'Bearer token',
      'Own key',
      // A secret goes before what the address has.
      'Bearer token',
    ]);
    secrets.clear();
    await fetchIt({ url: url.replace('//', '//user:p%40ss@') });
    assert.equal(seen.at(-1), `Basic ${Buffer.from('user:p@ss').toString('base64')}`);
    await assert.rejects(fetchIt({ authHeaderSecret: 'none' }), { code: 'not-found', message: /'none'/ });
  });

  test('shows no password where it fails', async () => {
    answer = (_, response) => response.writeHead(404).end();
    await assert.rejects(fetchIt({ url: url.replace('//', '//user:hidden@') }), (error: Error) => {
      assert.doesNotMatch(`${error.stack} ${error.cause}`, /hidden/);
      return true;
    });
  });

  test('stops with the build', async () => {
    const stop = new AbortController();
    answer = (_, response) => {
      response.write('some');
      setTimeout(() => stop.abort(new Error('stopped')), 20);
    };
    await assert.rejects(fetchIt({}, stop.signal), /stopped/);
    assertNothingKept();
  });
});

test('whatever a server says, a download gets a name within its directory', () => {
  fc.assert(
    fc.property(fc.string(), fc.string({ unit: 'binary' }), (path, disposition) => {
      const name = downloadName(`http://h/${path}`, undefined, `attachment; filename="${disposition}"`);
      assert.ok(name !== '' && name !== '.' && name !== '..' && !/[/\p{Cc}]/u.test(name));
    }),
  );
});

test('a download is called what is asked for, what the server says, or what its address says', () => {
  assert.equal(downloadName('http://h/a/b.txt?c=d', undefined, undefined), 'b.txt');
  assert.equal(downloadName('http://h/a%20b', undefined, undefined), 'a b');
  assert.equal(downloadName('http://h/', undefined, undefined), 'download');
  assert.equal(downloadName('http://h/a', undefined, 'attachment; filename="b c.txt"'), 'b c.txt');
  assert.equal(downloadName('http://h/a', 'wanted', 'attachment; filename=b'), 'wanted');
  assert.equal(downloadName('http://h/a', undefined, 'attachment; filename="../../etc/passwd"'), 'passwd');
  assert.equal(downloadName('http://h/a', undefined, 'attachment; filename=".."'), 'download');
  assert.equal(dispositionName("attachment; filename=plain; filename*=UTF-8''na%C3%AFve"), 'naïve');
  assert.equal(dispositionName('attachment; filename="a\\"b"'), 'a"b');
  assert.equal(dispositionName('attachment; filename="dir/"'), undefined);
  assert.equal(dispositionName('inline'), undefined);
});
