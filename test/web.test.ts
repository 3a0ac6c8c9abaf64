import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Docker, needsDocker } from './support/docker.ts';
import { compareTrees, readImage } from './support/images.ts';
import { needs } from './support/needs.ts';
import { project, run, tool } from './support/program.ts';
import { makeUser, needsUsers, unreachableFor } from './support/users.ts';
import { makeIdentity, startWebServer } from './support/web-server.ts';
import { Workspace } from './support/workspace.ts';

const changed = 'Sun, 06 Nov 1994 08:49:37 GMT';
const sha256 = (content: string): string => `sha256:${createHash('sha256').update(content).digest('hex')}`;

suite('ADD of a URL', () => {
  const work = new Workspace();
  const web = startWebServer(work);

  /** A context whose Dockerfile adds one page, and that page's address. */
  async function adding(
    content: string | Uint8Array,
    flags = '',
    more = {},
  ): Promise<{ context: string; path: string }> {
    const { url, pages } = await web;
    const path = `/${randomUUID()}`;
    pages.set(path, { content, ...more });
    return {
      context: work.context({ Dockerfile: `FROM scratch\nADD ${flags} ${url}${path} /added\n` }),
      path,
    };
  }

  test('gives the file mode 600 and the time of its last change', async () => {
    const { context } = await adding('content', '', { headers: { 'last-modified': changed } });
    const added = join(await work.files(context), 'added');
    assert.equal(readFileSync(added, 'utf8'), 'content');
    const { mode, mtime } = lstatSync(added);
    assert.equal(mode & 0o7777, 0o600);
    assert.equal(mtime.toISOString(), '1994-11-06T08:49:37.000Z');
  });

  test('into a directory calls it as the address does, whatever the server says', async () => {
    const { url, pages } = await web;
    pages.set('/dir/a%20b.txt?x=1', {
      content: 'named',
      headers: { 'content-disposition': 'attachment; filename=c' },
    });
    const files = await work.files({ Dockerfile: `FROM scratch\nADD ${url}/dir/a%20b.txt?x=1 /in/\n` });
    assert.equal(readFileSync(join(files, 'in', 'a b.txt'), 'utf8'), 'named');
  });

  test('unpacks an archive where it is told to, and only there', async () => {
    const directory = work.context({ inside: 'packed' });
    const tar = gzipSync(Buffer.from(await tarOf(directory), 'latin1'));
    const packed = await adding(tar);
    assert.deepEqual(readFileSync(join(await work.files(packed.context), 'added')), tar);
    const unpacked = await adding(tar, '--unpack=true');
    const files = await work.files(unpacked.context);
    assert.equal(readFileSync(join(files, 'added', 'inside'), 'utf8'), 'packed');
  });

  for (const [how, more] of Object.entries({
    'by its ETag': { tagged: true },
    'by the time of its last change': { headers: { 'last-modified': changed } },
    'by its content': {},
  })) {
    test(`is cached until the file changes, ${how}`, async () => {
      const { pages, log } = await web;
      const { context, path } = await adding('one', '', more);
      assert.equal(readFileSync(join(await work.files(context), 'added'), 'utf8'), 'one');
      log.length = 0;
      const again = await work.build(context);
      const isAskedOnly = how !== 'by its content';
      // The download and the copy: one that had to be downloaded to be known is none that was cached.
      assert.deepEqual(again.steps.map(({ cached }) => cached).sort(), [isAskedOnly, true].sort());
      assert.deepEqual(log, [`${'tagged' in more ? 'HEAD' : 'GET'} ${path} ${isAskedOnly ? 304 : 200}`]);
      pages.set(path, { content: 'two', ...more, ...('headers' in more && { headers: {} }) });
      assert.equal(readFileSync(join(await work.files(context), 'added'), 'utf8'), 'two');
    });
  }

  test('of which only the time of the last change is new is cached', async () => {
    const { pages } = await web;
    const { context, path } = await adding('same', '', { headers: { 'last-modified': changed } });
    await work.build(context);
    pages.set(path, { content: 'same', headers: { 'last-modified': 'Mon, 07 Nov 1994 08:49:37 GMT' } });
    const again = await work.build(context);
    assert.ok(again.steps.some(({ cached, name }) => cached && name.includes('ADD')));
  });

  test('with a known checksum needs no server', async () => {
    const other = await startWebServer(work);
    other.pages.set('/pinned', { content: 'pinned' });
    const dockerfile = `FROM scratch\nADD --checksum=${sha256('pinned')} ${other.url}/pinned /added\n`;
    const first = await work.files({ Dockerfile: dockerfile });
    assert.equal(readFileSync(join(first, 'added'), 'utf8'), 'pinned');
    await other.stop();
    const second = await work.files({ Dockerfile: `${dockerfile}LABEL a=b\n` });
    assert.equal(readFileSync(join(second, 'added'), 'utf8'), 'pinned');
    // Also where its layer is to be made anew.
    await work.build({ Dockerfile: dockerfile }, ['--no-cache']);
  });

  test('is fetched from where it moved, and without the secret for where it was', async () => {
    const other = await startWebServer(work);
    const seen: unknown[] = [];
    other.pages.set('/new', {
      content: '',
      answer: (request, response) => {
        seen.push(request.headers.authorization);
        response.end('moved');
      },
    });
    const { context } = await adding('', '', {
      answer: (_: unknown, response: { writeHead(status: number, headers: object): { end(): void } }) =>
        response.writeHead(301, { location: `${other.url}/new` }).end(),
    });
    const env = { TOKEN: 'secret-of-the-first-host' };
    const secret = '--secret=id=HTTP_AUTH_TOKEN_127.0.0.1,env=TOKEN';
    const directory = work.path('moved');
    await work.build(context, ['-o', directory, secret], { env });
    assert.equal(readFileSync(join(directory, 'added'), 'utf8'), 'moved');
    assert.deepEqual(seen, [undefined]);
  });

  test('is fetched through a proxy of the environment', async () => {
    const proxy = await startWebServer(work);
    proxy.pages.set('http://files.example/file', { content: 'by proxy' });
    const files = work.path('by-proxy');
    const context = work.context({ Dockerfile: 'FROM scratch\nADD http://files.example/file /\n' });
    await work.build(context, ['-o', files], { env: { http_proxy: proxy.url } });
    assert.equal(readFileSync(join(files, 'file'), 'utf8'), 'by proxy');
  });

  test('sends the secret of its host, which leaves no trace', async () => {
    const value = `secret-${randomUUID()}`;
    const { context } = await adding('guarded', '', { authorization: `Bearer ${value}` });
    const refused = await work.tryBuild(context);
    assert.match(refused.message, /the server answers 401[\s\S]*--secret id=HTTP_AUTH_TOKEN_127\.0\.0\.1/);
    const secret = '--secret=id=HTTP_AUTH_TOKEN_127.0.0.1,env=TOKEN';
    const built = await work.build(context, ['-t', 'guarded', secret], { env: { TOKEN: value } });
    assert.doesNotMatch(built.stdout + built.stderr, new RegExp(value));
    const { code } = await run(['grep', '-r', '-q', value, work.store]);
    assert.equal(code, 1, 'the store has the secret');
  });

  suite('that fails says why, with the line, and leaves nothing', () => {
    const expectations: [string, object, RegExp, string?][] = [
      ['a missing file', { answer: status(404) }, /does not exist: the server answers 404/],
      ['a server that is broken', { answer: status(500) }, /cannot be fetched: the server answers 500/],
      [
        'a circle of redirects',
        {
          answer: (request: { url: string }, response: Answering) =>
            response.writeHead(302, { location: request.url }).end(),
        },
        /redirects more than 10 times/,
      ],
      [
        'a content that is cut short',
        {
          answer: (_: unknown, response: Answering) => {
            response.writeHead(200, { 'content-length': '1000' });
            response.write('some', () => response.destroy());
          },
        },
        /ended before the whole file had come/,
      ],
      [
        'a checksum that differs',
        {},
        /has the digest sha256:\w+, not sha256:\w+ as/,
        `--checksum=${sha256('other')}`,
      ],
    ];
    for (const [what, more, message, flags] of expectations) {
      test(what, async () => {
        const { pages } = await web;
        const { context, path } = await adding('content', flags, more);
        const failed = await work.tryBuild(context);
        assert.equal(failed.code, 1);
        assert.match(failed.message, message);
        assert.match(failed.message, /Dockerfile:2\n[\s\S]*>>> ADD/);
        if (flags !== undefined) return;
        pages.set(path, { content: 'mended' });
        assert.equal(readFileSync(join(await work.files(context), 'added'), 'utf8'), 'mended');
      });
    }

    test('a host that is not there', async () => {
      const gone = await startWebServer(work);
      await gone.stop();
      const { message } = await work.tryBuild({ Dockerfile: `FROM scratch\nADD ${gone.url}/file /\n` });
      assert.match(message, /Dockerfile:2\n[\s\S]*ERROR: http:\/\/127\.0\.0\.1:\d+ cannot be reached/);
    });

    test('a certificate that nobody vouches for', { skip: needs('openssl') }, async () => {
      const identity = await makeIdentity(work);
      const secure = await startWebServer(work, identity);
      secure.pages.set('/file', { content: 'safe' });
      const context = work.context({ Dockerfile: `FROM scratch\nADD ${secure.url}/file /\n` });
      const { message } = await work.tryBuild(context);
      assert.match(message, /Dockerfile:2\n[\s\S]*certificate[\s\S]*NODE_EXTRA_CA_CERTS/);
      for (const name of ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'])
        await work.build(context, ['--no-cache'], { env: { [name]: identity.authority } });
    });
  });

  test('is counted by du, and goes with the build cache', async () => {
    const own = new Workspace();
    const { context } = await adding('counted');
    await own.build(context);
    assert.match(await own.ok('du'), /Downloads +1 /);
    await own.ok('prune', '--all', '--force');
    assert.match(await own.ok('du'), /Downloads +0 /);
    await own.build(context);
  });

  test('asks once where an ordinary user has to enter a namespace meanwhile', {
    skip: needsUsers || needs('newuidmap'),
  }, async t => {
    const own = new Workspace(makeUser('subordinate'));
    const unreachable = unreachableFor(own.user!);
    if (unreachable) return t.skip(unreachable);
    const { url, pages, log } = await web;
    pages.set('/once', { content: 'once' });
    log.length = 0;
    const files = await own.files({ Dockerfile: `FROM scratch\nADD ${url}/once /\n` });
    assert.equal(readFileSync(join(files, 'once'), 'utf8'), 'once');
    assert.deepEqual(log, ['GET /once 200']);
  });

  test('is what Docker makes of it', {
    skip: needsDocker || needs('skopeo', 'umoci', 'getcap'),
  }, async () => {
    const { url, pages } = await web;
    pages.set('/old', { content: 'old', headers: { 'last-modified': changed } });
    pages.set('/bare', { content: 'bare' });
    const docker = new Docker(work);
    const context = work.context({
      local: 'local',
      Dockerfile: `FROM scratch
ADD ${url}/old ${url}/bare /in/
ADD --chown=5:6 ${url}/old /renamed
ADD ${url}/old local /mixed/
`,
    });
    await tool('touch', '-d', '2010-01-01', join(context, 'local'));
    const archive = work.path('docker.tar');
    const theirs = work.path('theirs');
    await docker.ok('build', '--network=host', '-t', 'web', context);
    await docker.ok('save', '-o', archive, 'web');
    await tool('skopeo', '--insecure-policy', 'copy', `docker-archive:${archive}`, `oci:${theirs}:latest`);
    const ours = work.path('ours');
    await work.build(context, ['-t', 'web', '-o', `type=oci,tar=false,dest=${ours}`]);
    const [ourImage, theirImage] = await Promise.all([
      readImage(ours, work.path('our-files')),
      readImage(theirs, work.path('their-files')),
    ]);
    assert.deepEqual(compareTrees(ourImage.tree, theirImage.tree), []);
  });
});

interface Answering {
  writeHead(status: number, headers?: object): { end(): void };
  write(text: string, done: () => void): void;
  destroy(): void;
}

function status(code: number) {
  return (_: unknown, response: Answering): void => void response.writeHead(code).end();
}

async function tarOf(directory: string): Promise<string> {
  const { stdout } = await run(['tar', '-C', directory, '-cf', '-', '.'], { cwd: project });
  return stdout;
}
