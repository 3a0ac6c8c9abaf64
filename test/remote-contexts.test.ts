import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Docker, needsDocker } from './support/docker.ts';
import { Everyone } from './support/everyone.ts';
import { Repository, startGitDaemon, startGitHttp } from './support/git-server.ts';
import { compareTrees, readTree } from './support/images.ts';
import { needs } from './support/needs.ts';
import { tool } from './support/program.ts';
import { startSshServer } from './support/ssh-server.ts';
import { needsUsers } from './support/users.ts';
import { startWebServer, type WebServer } from './support/web-server.ts';
import { list, Workspace } from './support/workspace.ts';

const everything = 'FROM scratch\nCOPY . /\n';

const project = {
  Dockerfile: everything,
  '.dockerignore': 'file\n',
  file: 'first',
  program: { content: '#!/bin/sh\n', mode: 0o755 },
  link: { link: 'file' },
  'sub/Dockerfile': 'FROM scratch\nCOPY . /sub/\n',
  'sub/Other': 'FROM scratch\nCOPY x /other\n',
  'sub/x': 'x',
};

suite('a Git repository as the build context', { skip: needs('git') }, () => {
  const work = new Workspace();
  const place = work.path('repositories');
  let git: string;
  let web: WebServer;
  let first: string;

  before(async () => {
    git = await startGitHttp(work, place);
    web = await startWebServer(work);
    const repository = await Repository.make(work, join(place, 'project.git'));
    first = await repository.commit(project);
    await repository.git('tag', 'v1');
    await repository.git('branch', 'side');
    await repository.commit({ file: 'second' });
  });

  const url = (suffix = '') => `${git}/project.git${suffix}`;
  const all = [
    '.dockerignore',
    'Dockerfile',
    'file',
    'link',
    'program',
    'sub',
    'sub/Dockerfile',
    'sub/Other',
    'sub/x',
  ];
  const contentOf = async (suffix: string) =>
    readFileSync(join(await work.files(url(suffix)), 'file'), 'utf8');

  test('its default branch, in which an ignore file counts for nothing, as in Docker', async () => {
    const directory = await work.files(url());
    assert.deepEqual(list(directory), all);
    const { stderr } = await work.stagecraft(['build', '--progress=plain', url()]);
    assert.match(stderr, /WARN: The \.dockerignore of this build context has no effect/);
    assert.equal(readFileSync(join(directory, 'file'), 'utf8'), 'second');
    assert.equal(statSync(join(directory, 'program')).mode & 0o777, 0o755);
  });

  test('a branch, a tag, a commit, in the fragment or as a query', async () => {
    for (const suffix of [
      '#side',
      '#v1',
      `#${first}`,
      '#refs/heads/side',
      '?branch=side',
      '?tag=v1',
      `?ref=${first}`,
      `?branch=side&checksum=${first}`,
    ])
      assert.equal(await contentOf(suffix), 'first', suffix);
  });

  test('a directory of it', async () => {
    for (const suffix of ['#:sub', '#v1:sub', '#main:/sub/', '?subdir=sub'])
      assert.deepEqual(
        list(await work.files(url(suffix))),
        ['sub', 'sub/Dockerfile', 'sub/Other', 'sub/x'],
        suffix,
      );
  });

  test('-f names a file in it; an absolute path, standard input and an address one elsewhere', async () => {
    assert.deepEqual(list(await work.files(url('#:sub'), ['-f', 'Other'])), ['other']);
    assert.deepEqual(
      list(await work.files(url(), ['-f', 'sub/Dockerfile'])),
      ['sub', ...all.map(path => `sub/${path}`)].sort(),
    );
    const elsewhere = work.context({ 'my.Dockerfile': 'FROM scratch\nCOPY file /here\n' });
    assert.deepEqual(list(await work.files(url(), ['-f', join(elsewhere, 'my.Dockerfile')])), ['here']);
    web.pages.set('/Dockerfile', { content: 'FROM scratch\nCOPY file /there\n' });
    assert.deepEqual(list(await work.files(url(), ['-f', `${web.url}/Dockerfile`])), ['there']);
    const output = work.path('from-input');
    await work.build(url(), ['-f', '-', '-o', output], { input: 'FROM scratch\nCOPY link /copied\n' });
    assert.deepEqual(list(output), ['copied']);
  });

  test('.git is kept only where that is asked for, and commits give the files their times', async () => {
    const kept = await work.files(url(), ['--build-arg', 'BUILDKIT_CONTEXT_KEEP_GIT_DIR=1']);
    assert.equal(
      execFileSync('git', ['-C', kept, '-c', `safe.directory=${kept}`, 'status', '--porcelain'], {
        encoding: 'utf8',
      }),
      '',
    );
    const timeOf = async (...args: string[]) =>
      statSync(join(await work.files(url(), args), 'file')).mtime.toISOString();
    assert.equal(await timeOf(), '2015-06-07T08:09:10.000Z');
    // An output of files has one time for all, where one is given.
    assert.equal(await timeOf('--build-arg', 'SOURCE_DATE_EPOCH=1600000000'), '2020-09-13T12:26:40.000Z');
  });

  test('its commit gives the image the time that SOURCE_DATE_EPOCH=context means', async () => {
    const args = ['--build-arg', 'SOURCE_DATE_EPOCH=context', '-t', 'dated'];
    await work.build(url(), args);
    const [{ Created }] = JSON.parse(await work.ok('inspect', 'dated'));
    assert.equal(Date.parse(Created), Date.parse('2015-06-07T08:09:10Z'));
  });

  test('is a named context too, as a whole stage and to copy and mount from', async () => {
    const directory = await work.files(
      { Dockerfile: 'FROM nothing AS src\nFROM src\nCOPY --from=other /x /copied\n' },
      ['--build-context', `src=${url('#v1')}`, '--build-context', `other=${url('#:sub')}`],
    );
    assert.deepEqual(list(directory), [...all, 'copied'].sort());
  });

  test('a change makes a new image, and only what it touches is made again', async () => {
    const output = work.path('changing');
    const changing = await Repository.make(work, join(place, 'changing.git'));
    await changing.commit({ Dockerfile: 'FROM scratch\nCOPY a /\nCOPY b /\n', a: '1', b: '1' });
    const cached = async () =>
      (await work.build(`${git}/changing.git`, ['-o', output])).steps.map(step => step.cached);
    assert.deepEqual(await cached(), [false, false]);
    assert.deepEqual(await cached(), [true, true]);
    await changing.commit({ b: '2' });
    assert.deepEqual(await cached(), [true, false]);
  });

  test('the graph names the repository, so that it can be solved elsewhere', async () => {
    const { stdout } = await work.stagecraft(['build', '--call=llb,format=json', url('#v1:sub')]);
    assert.match(stdout, /"git:\/\/127\.0\.0\.1:\d+\/project\.git#v1:sub"/);
    assert.doesNotMatch(stdout, /local:\/\//);
  });

  test('what cannot be: no such ref, directory, Dockerfile, repository or query', async () => {
    for (const [suffix, args, complaint] of [
      ['#absent', [], /ERROR: .*absent/],
      ['#:nowhere', [], /ERROR: .*nowhere/],
      ['#:file', [], /ERROR: .*file/],
      ['', ['-f', 'none/at/all'], /has no file none\/at\/all/],
      ['', ['-f', 'sub'], /sub in the build context is no file but a directory/],
      ['?subdir=sub&nonsense=1', [], /unknown option nonsense/],
      ['#main?subdir=sub', [], /ERROR: /],
    ] as const) {
      const { code, message } = await work.tryBuild(url(suffix), args);
      assert.equal(code, 1, suffix);
      assert.match(message, complaint);
    }
    const { message } = await work.tryBuild(`${git}/absent.git`);
    assert.match(message, /ERROR: .*absent\.git/);
  });

  test('a symlink in it does not lead out of it', async () => {
    const secret = work.path('secret');
    writeFileSync(secret, 'FROM scratch\nLABEL secret=1\n');
    const evil = await Repository.make(work, join(place, 'evil.git'));
    await evil.commit({
      Dockerfile: { link: secret },
      up: { link: '../'.repeat(20) },
      'sub/Dockerfile': everything,
    });
    const { code, message } = await work.tryBuild(`${git}/evil.git`);
    assert.equal(code, 1);
    assert.match(message, /has no file Dockerfile/);
    const through = await work.tryBuild(`${git}/evil.git`, ['-f', `up${secret}`]);
    assert.equal(through.code, 1);
    assert.doesNotMatch(through.stderr, /LABEL secret/);
  });

  test('over SSH, with a key that the build was given', {
    skip: needs('root', 'sshd', 'ssh', 'ssh-keygen'),
  }, async () => {
    const key = work.path('key');
    await tool('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key);
    const server = await startSshServer(work, [readFileSync(`${key}.pub`, 'utf8').trim()]);
    const source = `ssh://root@127.0.0.1:${server.port}${place}/project.git#v1:sub`;
    const files = await work.files(source, [`--ssh=default=${key}`]);
    assert.deepEqual(list(files), ['sub', 'sub/Dockerfile', 'sub/Other', 'sub/x']);
    assert.match((await work.tryBuild(source)).message, /needs the SSH agent 'default'.*\n.*--ssh default/);
  });

  test('git:// is the protocol of git daemon', async () => {
    const daemon = await startGitDaemon(work, place);
    assert.deepEqual(list(await work.files(`${daemon}/project.git#v1:sub`)), [
      'sub',
      'sub/Dockerfile',
      'sub/Other',
      'sub/x',
    ]);
  });
});

suite('a web address as the build context', { skip: needs('tar', 'xz', 'bzip2') }, () => {
  const work = new Workspace();
  let web: WebServer;
  const files = { Dockerfile: everything, 'src/a': 'a' };
  const tar = (...flags: string[]) => execFileSync('tar', ['-C', work.context(files), '-c', ...flags, '.']);

  before(async () => {
    web = await startWebServer(work);
  });

  test('an archive, however compressed and named', async () => {
    for (const flag of ['', '-z', '-j', '-J']) {
      web.pages.set('/download?x=y', { content: flag === '' ? tar() : tar(flag) });
      assert.deepEqual(
        list(await work.files(`${web.url}/download?x=y`)),
        ['Dockerfile', 'src', 'src/a'],
        flag,
      );
    }
  });

  test('SOURCE_DATE_EPOCH=context is when the server says that it changed, else the time of its newest file', async () => {
    const args = ['--build-arg', 'SOURCE_DATE_EPOCH=context', '-t', 'dated'];
    const created = async (): Promise<number> =>
      Date.parse(JSON.parse(await work.ok('inspect', 'dated'))[0].Created);
    const content = tar('--mtime=2011-01-02T03:04:05Z');
    const time = 'Sun, 07 Jun 2015 08:09:10 GMT';
    web.pages.set('/dated', { content, headers: { 'last-modified': time } });
    await work.build(`${web.url}/dated`, args);
    assert.equal(await created(), Date.parse(time));
    web.pages.set('/undated', { content });
    await work.build(`${web.url}/undated`, args);
    assert.equal(await created(), Date.parse('2011-01-02T03:04:05Z'));
    await work.build('-', args, { input: content });
    assert.equal(await created(), Date.parse('2011-01-02T03:04:05Z'));
  });

  test('a Dockerfile, which is all the context there is', async () => {
    web.pages.set('/Some.Dockerfile', { content: 'FROM scratch\nCOPY . /all/\n' });
    assert.deepEqual(list(await work.files(`${web.url}/Some.Dockerfile`)), ['all', 'all/context']);
  });

  test('a named context is a directory with the download, not unpacked', async () => {
    web.pages.set('/a.tar', { content: tar() });
    const directory = await work.files(
      { Dockerfile: 'FROM scratch\nCOPY --from=web context /a.tar\nADD . /\n' },
      ['--build-context', `web=${web.url}/a.tar`],
    );
    assert.deepEqual(readFileSync(join(directory, 'a.tar')), web.pages.get('/a.tar')!.content);
  });

  test('a Dockerfile from the web for a directory, its errors with their lines', async () => {
    web.pages.set('/D', { content: 'FROM scratch\nCOPY file /\n' });
    const context = work.context({ file: '', '.dockerignore': 'ignored\n', ignored: '' });
    assert.deepEqual(list(await work.files(context, ['-f', `${web.url}/D`])), ['file']);
    web.pages.set('/wrong', { content: 'FROM scratch\nCOPY ignored /\n' });
    const { message } = await work.tryBuild(context, ['-f', `${web.url}/wrong`]);
    assert.match(message, />>> COPY ignored \//);
    web.pages.set('/long', { content: Buffer.alloc(3 << 20, '#') });
    assert.match((await work.tryBuild(context, ['-f', `${web.url}/long`])).message, /longer than 2 MB/);
  });

  test('what is not there, or is no archive after its first bytes, is told, and nothing of it is cached', async () => {
    const whole = tar('-z');
    web.pages.set('/spoilt', { content: Buffer.concat([whole.subarray(0, 40), Buffer.alloc(200)]) });
    web.pages.set('/text', { content: gzipSync('no archive at all') });
    for (const [path, complaint] of [
      ['/absent', /ERROR: .*127\.0\.0\.1.* does not exist/],
      ['/spoilt', /ERROR: The build context .*\/spoilt is no tar archive, or a damaged one/],
      ['/text', /ERROR: The build context .*\/text is no tar archive, or a damaged one/],
    ] as const) {
      const { code, message } = await work.tryBuild(web.url + path);
      assert.equal(code, 1, path);
      assert.match(message, complaint);
      web.pages.set(path, { content: whole });
      assert.deepEqual(list(await work.files(web.url + path)), ['Dockerfile', 'src', 'src/a'], path);
    }
  });
});

suite('credentials in an address', { skip: needs('git', 'tar') }, () => {
  const work = new Workspace();
  const password = 'p4ssw0rd-that-nobody-may-see';

  test('are used, and leave no trace in output, image, graph names or store', async () => {
    const web = await startWebServer(work);
    const encoded = Buffer.from(`user:${password}`).toString('base64');
    const place = work.path('repositories');
    const repository = await Repository.make(work, join(place, 'private.git'));
    await repository.commit(project);
    const withUser = (url: string) => url.replace('//', `//user:${password}@`);
    const git = withUser(
      `${await startGitHttp(work, place, { authorization: `basic ${encoded}` })}/private.git`,
    );
    const authorization = `Basic ${encoded}`;
    const content = execFileSync('tar', ['-C', work.context({ Dockerfile: everything }), '-c', '.']);
    web.pages.set('/context.tar', { content, authorization });
    web.pages.set('/Dockerfile', { content: everything, authorization });
    const local = work.context({ Dockerfile: 'FROM other\nCOPY --from=third context /\n' });
    const archive = withUser(`${web.url}/context.tar`);
    const metadata = work.path('metadata.json');
    const seen: string[] = [];
    for (const [index, args] of [
      [git],
      [archive],
      ['-f', withUser(`${web.url}/Dockerfile`), local],
      ['--build-context', `other=${git}`, '--build-context', `third=${archive}`, local],
    ].entries())
      for (const progress of ['plain', 'rawjson', 'tty']) {
        const outputs = [
          '-o',
          'type=image',
          '-o',
          `type=oci,tar=false,dest=${work.path(`layout-${index}-${progress}`)}`,
        ];
        const { code, stdout, stderr } = await work.stagecraft([
          ...['build', `--progress=${progress}`, '-t', `made:${index}`, '--metadata-file', metadata],
          ...[...outputs, ...args],
        ]);
        assert.equal(code, 0, stderr);
        seen.push(stdout, stderr, readFileSync(metadata, 'utf8'));
      }
    web.pages.clear();
    for (const address of [`${git}#absent`, archive]) {
      const { code, stderr } = await work.stagecraft(['build', '--no-cache', address]);
      assert.equal(code, 1);
      seen.push(stderr);
    }
    for (const text of seen) assert.ok(!text.includes(password), text);
    for (const directory of [
      work.store,
      ...readdirSync(work.directory)
        .filter(name => name.startsWith('layout-'))
        .map(name => work.path(name)),
    ]) {
      const { stdout } = spawnSync('grep', ['-rla', password, directory], { encoding: 'utf8' });
      assert.equal(stdout, '');
    }
  });
});

suite('the same remote context by Docker and here', {
  skip: needsDocker || needs('root', 'git', 'tar', 'getcap'),
}, () => {
  const work = new Workspace();
  const docker = new Docker(work);
  let count = 0;

  async function compare(args: readonly string[], { untimed = false } = {}): Promise<void> {
    const place = work.path(`compared-${count++}`);
    const [ours, theirs] = [`${place}-ours`, `${place}-theirs`];
    await Promise.all([
      work.ok('build', '-o', `type=tar,dest=${ours}.tar`, ...args),
      docker.ok('build', '-o', `type=tar,dest=${theirs}.tar`, ...args),
    ]);
    for (const directory of [ours, theirs]) {
      await tool('mkdir', directory);
      await tool('tar', '-C', directory, '-xpf', `${directory}.tar`);
    }
    const [a, b] = [await readTree(ours), await readTree(theirs)];
    if (untimed)
      for (const tree of [a, b])
        for (const [path, entry] of tree) tree.set(path, entry.replace(/ 20\d\d-\S+Z$/, ''));
    assert.deepEqual(compareTrees(a, b), []);
  }

  test('Git repositories', async () => {
    const place = work.path('repositories');
    const git = await startGitHttp(work, place);
    const repository = await Repository.make(work, join(place, 'project.git'));
    await repository.commit(project);
    await repository.git('tag', 'v1');
    await repository.commit({ file: 'second' });
    // Debian's Docker knows no directories of a repository, takes `master` for the default branch, and gives files the time at which they were checked out.
    const untimed = true;
    for (const suffix of ['#main', '#v1']) await compare([`${git}/project.git${suffix}`], { untimed });
    await compare(['-f', 'sub/Dockerfile', `${git}/project.git#main`], { untimed });
  });

  test('archives and Dockerfiles on the web', async () => {
    const web = await startWebServer(work);
    // Other files than in the repositories: its cache takes these for the same though their owners differ.
    const context = work.context({ ...project, web: '' });
    execFileSync('chown', ['-R', '3:4', join(context, 'sub')]);
    execFileSync('find', [context, '-exec', 'touch', '--no-dereference', '-d', '2010-01-01', '{}', '+']);
    const tar = (...flags: string[]) => execFileSync('tar', ['-C', context, '-c', ...flags, '.']);
    for (const [path, content] of [
      ['/a.tar', tar()],
      ['/a.tar.gz', tar('-z')],
      ['/Dockerfile', 'FROM scratch\nCOPY . /all/\n'],
    ] as const) {
      const headers = { 'last-modified': 'Mon, 01 Feb 2010 00:00:00 GMT' };
      web.pages.set(path, { content, headers });
      await compare([web.url + path]);
    }
    await compare(['-f', 'sub/Dockerfile', `${web.url}/a.tar`]);
  });
});

suite('an ordinary user with remote contexts', { skip: needsUsers || needs('git', 'tar') }, () => {
  const everyone = new Everyone(needsUsers);
  const { root } = everyone;

  for (const { who, work, skip } of everyone.users)
    test(`${who} builds from them, and finds all cached the second time`, {
      skip,
    }, async () => {
      const repositories = root.path(`repositories-${work.user!.name}`);
      const git = await startGitHttp(root, repositories);
      const repository = await Repository.make(root, join(repositories, 'project.git'));
      await repository.commit(project);
      const web = await startWebServer(root);
      const context = root.context({ ...project, other: '' });
      web.pages.set('/a.tar.gz', { content: execFileSync('tar', ['-C', context, '-cz', '.']) });
      for (const place of [`${git}/project.git`, `${web.url}/a.tar.gz`]) {
        for (const cached of [false, true]) {
          const { steps } = await work.build(place, ['-t', 'made']);
          assert.deepEqual(
            steps.map(step => step.cached),
            [cached],
          );
        }
      }
    });
});
