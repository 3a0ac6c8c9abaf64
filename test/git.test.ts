import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { before, suite, test } from 'node:test';
import { Docker, needsDocker } from './support/docker.ts';
import { Repository, startGitDaemon, startGitHttp } from './support/git-server.ts';
import { compareTrees, readImage } from './support/images.ts';
import { findProgram, needs } from './support/needs.ts';
import { program, run, tool } from './support/program.ts';
import { startSshServer } from './support/ssh-server.ts';
import { makeUser, needsUsers, unreachableFor } from './support/users.ts';
import { makeIdentity } from './support/web-server.ts';
import { list, Workspace } from './support/workspace.ts';

const committed = '2015-06-07T08:09:10.000Z';

suite('ADD of a Git repository', { skip: needs('git') }, () => {
  const work = new Workspace();
  const place = work.path('repositories');
  let repository: Repository;
  let first: string;
  let second: string;
  let address: string;

  before(async () => {
    const library = await Repository.make(work, join(place, 'library.git'));
    await library.commit({ 'library.txt': 'of the library' });
    repository = await Repository.make(work, join(place, 'project.git'));
    first = await repository.commit({
      file: 'one',
      'bin/tool': { content: '#!/bin/sh\n', mode: 0o755 },
      'docs/page': 'a page',
      'docs/link': { link: 'page' },
      'naïve name': 'x',
    });
    await repository.git('tag', 'light');
    await repository.git('tag', '-a', 'v1', '-m', 'the first');
    const daemon = await startGitDaemon(work, place);
    address = `${daemon}/project.git`;
    await repository.git('submodule', '--quiet', 'add', '../library.git', 'parts/library');
    second = await repository.commit({ file: 'two' }, '2016-06-07T08:09:10Z');
    await repository.git('branch', 'side', first);
  });

  const adding = (source: string, flags = ''): string => `FROM scratch\nADD ${flags} ${source} /in/\n`;
  const filesOf = async (source: string, flags = ''): Promise<string> =>
    join(await work.files({ Dockerfile: adding(source, flags) }), 'in');

  test('takes the default branch with its submodules', async () => {
    const files = await filesOf(address);
    assert.deepEqual(list(files), [
      '.gitmodules',
      'bin',
      'bin/tool',
      'docs',
      'docs/link',
      'docs/page',
      'file',
      'naïve name',
      'parts',
      'parts/library',
      'parts/library/library.txt',
    ]);
    assert.equal(readFileSync(join(files, 'file'), 'utf8'), 'two');
    assert.deepEqual(readdirSync(join(await filesOf(`${address}?submodules=false`), 'parts/library')), []);
  });

  test('takes a branch, a tag of either kind, a full name and a commit', async () => {
    for (const ref of ['side', 'light', 'v1', 'refs/heads/side', 'refs/tags/v1', first])
      assert.equal(readFileSync(join(await filesOf(`${address}#${ref}`), 'file'), 'utf8'), 'one', ref);
  });

  test('gives files the modes of Git and the time of their commit', async () => {
    const files = await filesOf(`${address}#v1`);
    const modes = ['file', 'bin/tool', 'bin'].map(path => statSync(join(files, path)).mode & 0o7777);
    assert.deepEqual(modes, [0o644, 0o755, 0o755]);
    for (const path of list(files))
      if (path !== 'docs/link')
        assert.equal(statSync(join(files, path)).mtime.toISOString(), committed, path);
  });

  test('takes a directory of it', async () => {
    assert.deepEqual(list(await filesOf(`${address}#v1:docs`)), ['link', 'page']);
    assert.deepEqual(list(await filesOf(`${address}?ref=v1&subdir=/docs/`)), ['link', 'page']);
  });

  test('makes the same image at any time', async () => {
    const other = new Workspace();
    const digests = [];
    for (const each of [work, other]) {
      const context = each.context({ Dockerfile: adding(`${address}#side`, '--keep-git-dir') });
      const metadata = each.path('metadata.json');
      await each.build(context, ['--metadata-file', metadata], { env: { SOURCE_DATE_EPOCH: '1' } });
      digests.push(JSON.parse(readFileSync(metadata, 'utf8'))['containerimage.digest']);
    }
    assert.equal(digests[0], digests[1]);
  });

  test('keeps the repository where it is told to, as git wants it', async () => {
    const files = await filesOf(`${address}#main`, '--keep-git-dir=true');
    const git = (...args: string[]): Promise<string> =>
      tool('git', '-c', 'safe.directory=*', '-C', files, ...args);
    assert.equal((await git('rev-parse', 'HEAD', 'main')).trim(), `${second}\n${second}`);
    assert.equal(await git('status', '--porcelain'), '');
    assert.equal((await git('remote', 'get-url', 'origin')).trim(), address);
    await git('fsck', '--strict');
    assert.match(await git('submodule', 'status'), /^ \w+ parts\/library/);
    assert.equal(existsSync(join(files, '.git/hooks')), false);
    assert.equal(
      existsSync(join(await filesOf(`${address}#main:docs`, '--keep-git-dir=true'), '.git')),
      false,
    );
  });

  test('keeps the repository of a commit that came with a tag', async () => {
    const other = new Workspace();
    const lines = [`ADD ${address}#v1 /tagged/`, `ADD --keep-git-dir=true ${address}#side /kept/`];
    // One after the other, since what is asked for at once comes by itself.
    await other.build({ Dockerfile: `FROM scratch\n${lines[0]}\n` });
    const files = await other.files({ Dockerfile: `FROM scratch\n${lines.join('\n')}\n` });
    const head = await tool('git', '-c', 'safe.directory=*', '-C', join(files, 'kept'), 'rev-parse', 'HEAD');
    assert.equal(head.trim(), first);
  });

  test('is cached until the ref is another commit', async () => {
    const own = await Repository.make(work, join(place, 'moving'));
    await own.commit({ file: 'one' });
    const context = work.context({ Dockerfile: adding(address.replace(/project\.git$/, 'moving')) });
    const file = async (): Promise<string> =>
      readFileSync(join(await work.files(context), 'in/file'), 'utf8');
    assert.equal(await file(), 'one');
    const again = await work.build(context);
    assert.ok(again.steps.every(({ cached }) => cached));
    await own.commit({ file: 'two' });
    assert.equal(await file(), 'two');
    // History that was made anew: no commit stands on the last one.
    await own.git('commit', '--quiet', '--amend', '-m', 'another');
    await own.git('reset', '--quiet', '--hard', 'HEAD~1');
    assert.equal(await file(), 'one');
  });

  test('of a known commit needs no server', async () => {
    const own = await Repository.make(work, join(place, 'going'));
    const commit = await own.commit({ file: 'one' });
    const dockerfile = adding(`${address.replace(/project\.git$/, 'going')}#${commit}`);
    await work.build({ Dockerfile: dockerfile });
    await tool('rm', '-r', own.directory);
    await work.build({ Dockerfile: `${dockerfile}LABEL a=b\n` }, ['--no-cache']);
  });

  test('takes a commit of the past, also from servers that give only what they show, or only files', async () => {
    const own = await Repository.make(work, join(place, 'past.git'));
    const past = await own.commit({ file: 'past' });
    await own.commit({ file: 'present' });
    await own.git('update-server-info');
    const servers = [
      address.replace(/\/project\.git$/, ''),
      await startGitHttp(work, place),
      await startGitHttp(work, place, { kind: 'old' }),
    ].map(server => `${server}/past.git`);
    const dumb = await startGitHttp(work, place, { kind: 'files' });
    for (const server of [...servers, `${dumb}/past.git/.git`]) {
      assert.equal(readFileSync(join(await filesOf(`${server}#main`), 'file'), 'utf8'), 'present', server);
      assert.equal(readFileSync(join(await filesOf(`${server}#${past}`), 'file'), 'utf8'), 'past', server);
    }
  });

  test('is what its checksum says, or fails', async () => {
    for (const checksum of [first, first.slice(0, 7)])
      await filesOf(`${address}#v1`, `--checksum=${checksum}`);
    await filesOf(`${address}?ref=side&checksum=${first}`);
    await filesOf(`${address}?checksum=${first}&fetch-by-commit=true`);
    await fails(
      `${address}#v1`,
      /v1 of git:\/\/\S+ is the commit \w{40}.*, not \w+ as the checksum says/,
      `--checksum=${second}`,
    );
    await fails(`${address}#${first}`, /is the commit \w{40}, not \w+ as/, `--checksum=${second}`);
  });

  /** The message, with the Dockerfile's line, and that nothing stays of it. */
  async function fails(source: string, message: RegExp, flags = '', options = {}): Promise<string> {
    const failed = await work.tryBuild({ Dockerfile: adding(source, flags) }, [], options);
    assert.equal(failed.code, 1, failed.message);
    assert.match(failed.message, message);
    assert.match(failed.message, /Dockerfile:2\n[\s\S]*>>> ADD/);
    assert.deepEqual(readdirSync(join(work.store, 'ingest')), []);
    return failed.message;
  }

  test('is what Docker checks out of it', {
    skip: needsDocker || needs('skopeo', 'umoci', 'getcap'),
  }, async () => {
    const own = await Repository.make(work, join(place, 'compared.git'));
    await own.git('submodule', '--quiet', 'add', address.replace(/project\.git$/, 'library.git'), 'library');
    // Not older: Docker's files have the time of the checkout.
    await own.commit(
      {
        Dockerfile: 'FROM scratch\nCOPY . /in/\n',
        file: 'x',
        tool: { content: '#!/bin/sh\n', mode: 0o755 },
        'deep/er/link': { link: '../../file' },
      },
      '2024-01-02T03:04:05Z',
    );
    const docker = new Docker(work);
    const source = address.replace(/project\.git$/, 'compared.git#main');
    const archive = work.path('docker.tar');
    const theirs = work.path('theirs');
    await docker.ok('build', '--network=host', '-t', 'compared', source);
    await docker.ok('save', '-o', archive, 'compared');
    await tool('skopeo', '--insecure-policy', 'copy', `docker-archive:${archive}`, `oci:${theirs}:latest`);
    const ours = work.path('ours');
    await work.build({ Dockerfile: adding(source) }, [
      '-t',
      'compared',
      '-o',
      `type=oci,tar=false,dest=${ours}`,
    ]);
    const [ourImage, theirImage] = await Promise.all([
      readImage(ours, work.path('our-files')),
      readImage(theirs, work.path('their-files')),
    ]);
    // A link to a repository that is not in the image, called otherwise each time.
    assert.ok(theirImage.tree.delete('/in/library/.git'));
    assert.deepEqual(compareTrees(ourImage.tree, theirImage.tree), []);
  });

  test('that fails says why, with the line', async () => {
    await fails(`${address}#nowhere`, /has no branch or tag nowhere/);
    await fails(`${address}#${first.slice(0, 10)}`, /has no branch or tag \w{10}\.\n.*all its digits/);
    await fails(`${address}#${'1'.repeat(40)}`, /has no commit 1{40}/);
    await fails(`${address}#v1:none`, /has no directory none/);
    await fails(`${address}#v1:docs/link`, /has no directory docs\/link/);
    await fails(address.replace(/project\.git$/, 'nothing'), /there is no repository at that address/);
    await fails('git://127.0.0.1:1/project', /its host cannot be reached/);
    await fails('https://nowhere.invalid/project.git', /the name of its host is unknown|cannot be reached/);
    await fails(`${address}#--upload-pack=x`, /not a name that a branch, tag or commit can have/);
  });

  test('does not let a repository name others of this machine', async () => {
    const own = await Repository.make(work, join(place, 'sneaky'));
    await own.git('submodule', '--quiet', 'add', join(place, 'library.git'), 'stolen');
    await own.commit({ file: 'x' });
    await fails(
      address.replace(/project\.git$/, 'sneaky'),
      /The submodule stolen of the repository \S+ is at "\/.*library\.git", which is not read\.\n.*only/,
    );
  });

  test('fetches what submodules have in common once, and says of one that is lost which it is', async () => {
    const own = new Workspace();
    const whole = await Repository.make(work, join(place, 'whole.git'));
    for (const path of ['one', 'deep/er/two'])
      await whole.git('submodule', '--quiet', 'add', '--name', `name.of ${path}`, '../project.git', path);
    await whole.commit({ file: 'x' });
    const source = address.replace(/project\.git$/, 'whole.git');
    const files = join(await own.files({ Dockerfile: adding(source) }), 'in');
    for (const path of ['one/file', 'one/parts/library/library.txt', 'deep/er/two/parts/library/library.txt'])
      assert.ok(existsSync(join(files, path)), path);
    assert.deepEqual(
      list(files).filter(path => path.endsWith('/.git')),
      [],
    );
    // This repository, the one that is two of its submodules, and the one in these.
    assert.match(await own.ok('du'), /Repositories +3 /);
    await whole.git('update-index', '--add', '--cacheinfo', `160000,${second},lost`);
    await whole.git('commit', '--quiet', '-m', 'lost');
    await fails(
      source,
      /The submodule lost of the repository \S+ has no address in \.gitmodules\.\n.*submodules=false/,
    );
    assert.ok(existsSync(join(await filesOf(`${source}?submodules=false`), 'lost')));
  });

  test('without git says what is missing', async () => {
    const bin = work.path('bin');
    mkdirSync(bin);
    for (const name of ['sh', 'readlink', 'dirname', 'uname'])
      symlinkSync(findProgram(name)!, join(bin, name));
    await fails(address, /git, which reads repositories, is not installed\.\nInstall the package git/, '', {
      env: { PATH: bin },
    });
    const old = join(bin, 'git');
    writeFileSync(old, '#!/bin/sh\necho git version 2.20.1\n', { mode: 0o755 });
    await fails(
      address,
      /git version 2\.20\.1 on this machine is too old.*\.\nInstall git 2\.32 or later/,
      '',
      {
        env: { PATH: bin },
      },
    );
  });

  test('over HTTP sends the token of its host, which leaves no trace', {
    skip: needs('strace'),
  }, async () => {
    const token = `token-${randomUUID()}`;
    const basic = Buffer.from(`x-access-token:${token}`).toString('base64');
    const http = await startGitHttp(work, place, { authorization: `basic ${basic}` });
    const source = `${http}/project.git`;
    await fails(source, /it needs a password or token, or does not exist\.\n.*GIT_AUTH_TOKEN/);
    const { host } = new URL(http);
    const trace = work.path('trace');
    const context = work.context({ Dockerfile: adding(`${source}#v1`, '--keep-git-dir') });
    for (const id of ['GIT_AUTH_TOKEN', `GIT_AUTH_TOKEN.${host}`]) {
      await tool('rm', '-rf', work.path('guarded'));
      const own = { ...work.env(), STAGECRAFT_ROOT: work.path('guarded'), TOKEN: token };
      const { code, stdout, stderr } = await run(
        [program, 'build', '--progress=plain', '-t', 'guarded', `--secret=id=${id},env=TOKEN`, context],
        { env: own, through: ['strace', '-f', '-qq', '-s', '10000', '-e', 'trace=execve', '-o', trace] },
      );
      assert.equal(code, 0, stderr);
      assert.doesNotMatch(stdout + stderr, new RegExp(`${token}|${basic}`));
      const started = readFileSync(trace, 'utf8');
      assert.match(started, /execve\("[^"]*git", \[.*"fetch"/);
      assert.ok(!started.includes(token) && !started.includes(basic), 'a process was told in its arguments');
      const found = await run(['grep', '-r', '-l', '-e', token, '-e', basic, work.path('guarded')]);
      assert.equal(found.stdout, '');
    }
    const header = work.path('header');
    writeFileSync(header, `basic ${basic}`);
    await work.build(context, [`--secret=id=GIT_AUTH_HEADER,src=${header}`]);
  });

  test('over HTTPS trusts whom this machine trusts', { skip: needs('openssl') }, async () => {
    const identity = await makeIdentity(work);
    const https = await startGitHttp(work, place, { identity });
    await fails(`${https}/project.git`, /TLS fails \(.*certificate.*\)\.\n.*NODE_EXTRA_CA_CERTS/, '', {
      env: { SSL_CERT_FILE: await emptyBundle() },
    });
    const context = work.context({ Dockerfile: adding(`${https}/project.git#v1`) });
    for (const name of ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'])
      await work.build(context, [], { env: { [name]: identity.authority } });
  });

  /** A bundle with an authority that signed nothing here. */
  async function emptyBundle(): Promise<string> {
    const own = new Workspace();
    return (await makeIdentity(own)).authority;
  }

  test('over HTTP takes the password of an address, and keeps it nowhere', async () => {
    const password = `password-${randomUUID()}`;
    const basic = Buffer.from(`somebody:${password}`).toString('base64');
    const http = await startGitHttp(work, place, { authorization: `basic ${basic}` });
    const own = new Workspace();
    const withPassword = http.replace('//', `//somebody:${password}@`);
    const context = own.context({
      Dockerfile: `FROM scratch\nARG FROM\nADD --keep-git-dir $FROM/project.git#v1 /in/\n`,
    });
    const files = own.path('files');
    await own.build(context, ['--build-arg', `FROM=${withPassword}`, '-o', files]);
    assert.equal(
      (await tool('git', 'config', '-f', join(files, 'in/.git/config'), 'remote.origin.url')).trim(),
      `${http}/project.git`,
    );
    const repositories = join(own.store, 'repositories');
    const found = await run([
      'grep',
      '-r',
      '-l',
      '-e',
      password,
      '-e',
      basic,
      repositories,
      join(own.store, 'checkouts'),
    ]);
    assert.equal(found.stdout, '');
  });

  test('over SSH uses the keys that the build is lent', {
    skip: needs('root', 'sshd', 'ssh', 'ssh-keygen'),
  }, async () => {
    const key = work.path('key');
    await tool('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key);
    const server = await startSshServer(work, [readFileSync(`${key}.pub`, 'utf8').trim()]);
    const source = `ssh://root@127.0.0.1:${server.port}${place}/project.git`;
    await fails(source, /needs the SSH agent 'default'.*\n.*--ssh default/);
    const context = work.context({ Dockerfile: adding(`${source}#v1`) });
    const files = work.path('by-ssh');
    await work.build(context, ['-o', files, `--ssh=default=${key}`]);
    assert.equal(readFileSync(join(files, 'in/file'), 'utf8'), 'one');
    const other = work.path('other-key');
    await tool('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', other);
    const refused = await work.tryBuild({ Dockerfile: adding(`${source}#side`) }, [`--ssh=default=${other}`]);
    assert.match(refused.message, /its host takes no key of the SSH agent/);
    // A host that was seen before may not change.
    const known = join(work.store, 'repositories/known_hosts');
    assert.match(readFileSync(known, 'utf8'), new RegExp(`\\[127\\.0\\.0\\.1\\]:${server.port} `));
    const wrong = readFileSync(`${other}.pub`, 'utf8');
    writeFileSync(known, `[127.0.0.1]:${server.port} ${wrong}`);
    const changed = await work.tryBuild({ Dockerfile: adding(`${source}#side`) }, [`--ssh=default=${key}`]);
    assert.match(changed.message, /its host shows another key than the one that is known\.\n.*ssh-keygen/);
    writeFileSync(known, '');
  });

  test('stops with the build, and leaves no process', async () => {
    const silent = createServer();
    await new Promise<void>(listening => silent.listen(0, '127.0.0.1', listening));
    const { port } = silent.address() as AddressInfo;
    const context = work.context({ Dockerfile: adding(`git://127.0.0.1:${port}/project.git`) });
    const building = work.start(['build', '--progress=plain', context]);
    const [connection] = (await once(silent, 'connection')) as [Socket];
    building.child.kill('SIGINT');
    // Git held the other end.
    connection.resume();
    await once(connection, 'close');
    assert.equal((await building.outcome).code, 130);
    assert.deepEqual(readdirSync(join(work.store, 'ingest')), []);
    silent.close();
  });

  test('needs no namespace until files enter a layer', {
    skip: needsUsers || needs('newuidmap'),
  }, async t => {
    const own = new Workspace(makeUser('subordinate'));
    const unreachable = unreachableFor(own.user!);
    if (unreachable) return t.skip(unreachable);
    const context = own.context({ Dockerfile: adding(`${address}#v1`, '--keep-git-dir') });
    const { steps } = await own.build(context);
    assert.ok(steps.length > 0);
    const unlucky = own.context({ Dockerfile: adding(`${address}#nowhere`) });
    const trace = own.path('trace');
    const { code, stderr } = await own.stagecraft(['build', '--progress=plain', unlucky], {
      through: ['strace', '-f', '-qq', '-e', 'trace=unshare', '-o', trace],
    });
    assert.equal(code, 1, stderr);
    assert.doesNotMatch(readFileSync(trace, 'utf8'), /unshare\(/);
  });

  test('is counted by du, and goes with the build cache', async () => {
    const own = new Workspace();
    const context = own.context({ Dockerfile: adding(address) });
    await own.build(context);
    assert.match(await own.ok('du'), /Repositories +2 /);
    await own.ok('prune', '--all', '--force');
    assert.match(await own.ok('du'), /Repositories +0 /);
    await own.build(context);
  });
});
