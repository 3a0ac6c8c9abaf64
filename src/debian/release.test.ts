import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { digestOf } from '../util/digest.ts';
import type { Archive } from './archive.ts';
import { fetchSmall, fetchVerified } from './download.ts';
import { createFetcher, type Fetcher, type FetcherOptions } from './fetcher.ts';
import { loadKeys } from './keyring.ts';
import { fetchRelease, type Release } from './release.ts';
import { makeArchive, serve, serveArchive, type TestArchive, type TestServer } from './testing.ts';

const fetchers: Fetcher[] = [];
const servers: TestServer[] = [];
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'stagecraft-debian-'));
  mkdirSync(join(root, 'ingest'));
});
afterEach(async () => {
  for (const fetcher of fetchers.splice(0)) fetcher.close();
  await Promise.all(servers.splice(0).map(server => server.close()));
  rmSync(root, { recursive: true });
});

function fetcher(change: Partial<FetcherOptions> = {}): Fetcher {
  const made = createFetcher({ config: new Map(), credentials: [], env: {}, retryDelay: 1, ...change });
  fetchers.push(made);
  return made;
}

async function started(server: Promise<TestServer>): Promise<TestServer> {
  servers.push(await server);
  return servers.at(-1)!;
}

const archiveAt = (server: TestServer, change: Partial<Archive> = {}): Archive => ({
  uri: `${server.url}/debian`,
  suite: 'bookworm',
  components: ['main'],
  signedBy: [],
  checkValidUntil: true,
  optional: false,
  ...change,
});

async function releaseOf(
  archive: TestArchive,
  change: Partial<Archive> = {},
  key = archive.publicKey,
): Promise<Release> {
  const server = await started(serveArchive(archive));
  return fetchRelease(fetcher(), archiveAt(server, change), await loadKeys([key], root));
}

const changeRelease = (archive: TestArchive, change: (text: string) => string) => {
  const path = 'dists/bookworm/InRelease';
  archive.files.set(path, Buffer.from(change(archive.files.get(path)!.toString())));
};

describe('a release file', () => {
  test('is taken when a trusted key signed it', async () => {
    const release = await releaseOf(await makeArchive({ packages: [] }));
    assert.equal(release.codename, 'bookworm');
    assert.equal(release.signers.length, 1);
    assert.ok(release.files.has('main/binary-amd64/Packages.gz'));
  });

  test('that was changed after signing is refused', async () => {
    const archive = await makeArchive({ packages: [] });
    changeRelease(archive, text => text.replace('Architectures: amd64', 'Architectures: amd65'));
    await assert.rejects(releaseOf(archive), { code: 'integrity', message: /signature of .* is not good/ });
  });

  test('is read only as far as it is signed', async () => {
    const archive = await makeArchive({ packages: [] });
    const before = '-----BEGIN PGP SIGNED MESSAGE-----';
    changeRelease(archive, text => text.replace(before, `Codename: evil\n\n${before}`));
    const release = await releaseOf(archive).catch((error: Error) => error);
    if (!(release instanceof Error)) assert.equal(release.codename, 'bookworm');
  });

  test('signed by an unknown key is refused, with the id of that key', async () => {
    const archive = await makeArchive({ packages: [] });
    const other = await makeArchive({ packages: [] });
    await assert.rejects(releaseOf(archive, {}, other.publicKey), {
      code: 'integrity',
      message: /is signed by [0-9A-F]{16}, none of which is a trusted key/,
    });
  });

  test('without a signature is refused', async () => {
    const archive = await makeArchive({ packages: [] });
    archive.files.set('dists/bookworm/InRelease', Buffer.from('Codename: bookworm\n'));
    await assert.rejects(releaseOf(archive), { code: 'integrity', message: /not a clear-signed file/ });
  });

  test('past its Valid-Until is refused, unless apt is told not to care', async () => {
    const archive = await makeArchive({
      packages: [],
      release: { 'Valid-Until': 'Sat, 01 Jan 2022 00:00:00 UTC' },
    });
    await assert.rejects(releaseOf(archive), { code: 'integrity', message: /expired on Sat, 01 Jan 2022/ });
    assert.equal((await releaseOf(archive, { checkValidUntil: false })).codename, 'bookworm');
  });

  test('of another suite is refused', async () => {
    const archive = await makeArchive({
      packages: [],
      release: { Codename: 'bullseye', Suite: 'oldstable' },
    });
    await assert.rejects(releaseOf(archive), {
      code: 'integrity',
      message: /is that of bullseye or oldstable/,
    });
  });

  test('may have its signature beside it', async () => {
    const archive = await makeArchive({ packages: [] });
    const { createMessage, generateKey, readPrivateKey, sign } = await import('openpgp');
    const pair = await generateKey({ userIDs: [{ name: 'Second' }], format: 'armored' });
    const text = Buffer.from(
      `Codename: bookworm\nDate: Sat, 01 Jan 2022 00:00:00 UTC\nSHA256:\n ${'0'.repeat(64)} 1 x\n`,
    );
    const signature = await sign({
      message: await createMessage({ binary: new Uint8Array(text) }),
      signingKeys: await readPrivateKey({ armoredKey: pair.privateKey }),
      detached: true,
    });
    archive.files.delete('dists/bookworm/InRelease');
    archive.files.set('dists/bookworm/Release', text);
    archive.files.set('dists/bookworm/Release.gpg', Buffer.from(signature as string));
    assert.equal((await releaseOf(archive, {}, pair.publicKey)).codename, 'bookworm');
    archive.files.set('dists/bookworm/Release', Buffer.concat([text, Buffer.from('Suite: x\n')]));
    await assert.rejects(releaseOf(archive, {}, pair.publicKey), { code: 'integrity' });
  });

  test('of a suite that the mirror does not have is named', async () => {
    const archive = await makeArchive({ packages: [] });
    await assert.rejects(releaseOf(archive, { suite: 'gone' }), {
      code: 'not-found',
      message: /mirror has no .*\/dists\/gone\/InRelease/,
    });
  });

  test('needs a key to be verified with', async () => {
    await assert.rejects(loadKeys([join(root, 'none.gpg')], root), {
      code: 'not-found',
      message: /none.gpg does not exist/,
    });
  });
});

describe('a file of the mirror', () => {
  const content = Buffer.from('content');
  const expected = (url: string) => ({
    address: `${url}/file`,
    digest: digestOf(content),
    size: content.length,
  });
  const place = () => join(root, 'file');
  const nothingLeft = () => {
    assert.ok(!existsSync(place()));
    assert.deepEqual(readdirSync(join(root, 'ingest')), []);
  };

  test('gets its place once it is verified, and is not fetched again', async () => {
    const { url, requests } = await started(serve((_, response) => response.end(content)));
    await fetchVerified(fetcher(), expected(url), place(), root);
    await fetchVerified(fetcher(), expected(url), place(), root);
    assert.deepEqual(readFileSync(place()), content);
    assert.equal(requests.length, 1);
  });

  test('with other content is refused, naming both digests, and leaves nothing', async () => {
    const { url } = await started(serve((_, response) => response.end('CONTENT')));
    await assert.rejects(fetchVerified(fetcher(), expected(url), place(), root), (error: Error) => {
      assert.ok(error.message.includes(digestOf('CONTENT')) && error.message.includes(digestOf(content)));
      return true;
    });
    nothingLeft();
  });

  test('of another length is refused', async () => {
    for (const body of ['short', 'content and more']) {
      const { url } = await started(serve((_, response) => response.end(body)));
      await assert.rejects(
        fetchVerified(fetcher(), expected(url), place(), root),
        /bytes where the signed list says 7/,
      );
      nothingLeft();
    }
  });

  test('is asked for again when the server fails or the connection breaks', async () => {
    let count = 0;
    const { url } = await started(
      serve((_, response) => {
        count += 1;
        if (count === 1) response.writeHead(503).end();
        else if (count === 2) {
          response.writeHead(200, { 'content-length': 7 });
          response.write('con');
          setTimeout(() => response.destroy(), 20);
        } else response.end(content);
      }),
    );
    await fetchVerified(fetcher(), expected(url), place(), root);
    assert.deepEqual(readFileSync(place()), content);
  });

  test('that never comes is an error of the network, after three tries', async () => {
    const { url, requests } = await started(serve((_, response) => response.writeHead(500).end()));
    await assert.rejects(fetchSmall(fetcher(), `${url}/file`), { code: 'io', message: /server answers 500/ });
    assert.equal(requests.length, 3);
    const gone = await serve(() => {});
    await gone.close();
    await assert.rejects(fetchSmall(fetcher(), `${gone.url}/file`), { code: 'io', message: /ECONNREFUSED/ });
  });

  test('may lie elsewhere', async () => {
    const { url } = await started(
      serve((request, response) => {
        if (request.url === '/file') response.writeHead(302, { location: '/moved' }).end();
        else response.end(content);
      }),
    );
    assert.deepEqual(await fetchSmall(fetcher(), `${url}/file`), content);
  });

  test('is asked for with the credential of each host, and with that of no other', async () => {
    const seen: (string | undefined)[] = [];
    const elsewhere = await started(
      serve((request, response) => {
        seen.push(request.headers.authorization);
        response.end(content);
      }),
    );
    const { url } = await started(
      serve((request, response) => {
        seen.push(request.headers.authorization);
        response.writeHead(302, { location: `${elsewhere.url}/moved` }).end();
      }),
    );
    const first = { machine: url, login: 'me', password: 'one' };
    const second = { machine: elsewhere.url, login: 'me', password: 'two' };
    await fetchSmall(fetcher({ credentials: [first] }), `${url}/file`);
    await fetchSmall(fetcher({ credentials: [first, second] }), `${url}/file`);
    const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
    assert.deepEqual(seen, [basic('me:one'), undefined, basic('me:one'), basic('me:two')]);
  });

  test('is fetched through the proxy that is set', async () => {
    const { url, requests } = await started(serve((_, response) => response.end(content)));
    const config = new Map([['acquire::http::proxy', url]]);
    assert.deepEqual(await fetchSmall(fetcher({ config }), 'http://mirror.invalid/debian/file'), content);
    assert.deepEqual(requests, ['http://mirror.invalid/debian/file']);
  });

  test('stops being fetched when the build is cancelled', async () => {
    const { url } = await started(serve((_, response) => void response.write('c')));
    const signal = AbortSignal.timeout(50);
    await assert.rejects(fetchVerified(fetcher({ signal }), expected(url), place(), root), {
      name: 'TimeoutError',
    });
    nothingLeft();
  });
});
