import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { zstdCompressSync } from 'node:zlib';
import { Docker, needsDocker } from './support/docker.ts';
import { Everyone } from './support/everyone.ts';
import { compareTrees, readTree } from './support/images.ts';
import { needs } from './support/needs.ts';
import { tool } from './support/program.ts';
import { needsUsers } from './support/users.ts';
import { type Files, list, Workspace } from './support/workspace.ts';

const everything = 'FROM scratch\nCOPY . /\n';

/** A tar archive of files; `flags` go to tar. */
function tarOf(work: Workspace, files: Files, ...flags: readonly string[]): Buffer {
  const context = work.context(files);
  return execFileSync('tar', ['-C', context, '-c', ...flags, '.'], { maxBuffer: 1 << 28 });
}

/** Builds with a context or Dockerfile on standard input; returns the directory of the resulting files. */
async function filesFrom(
  work: Workspace,
  input: string | Uint8Array,
  place: string,
  ...args: readonly string[]
): Promise<string> {
  const directory = work.path(`fed-${Math.random()}`);
  await work.build(place, ['-o', directory, ...args], { input });
  return directory;
}

function temporaryFiles(work: Workspace): string[] {
  return readdirSync(join(work.store, 'ingest'));
}

suite('a build context on standard input', { skip: needs('tar', 'xz', 'bzip2') }, () => {
  const work = new Workspace();
  const files = { Dockerfile: everything, 'src/a': 'a', 'src/deep/b': 'b' };
  const expected = ['Dockerfile', 'src', 'src/a', 'src/deep', 'src/deep/b'];

  for (const [name, flag] of [
    ['plain', ''],
    ['gzip', '-z'],
    ['bzip2', '-j'],
    ['xz', '-J'],
  ] as const)
    test(`a tar archive: ${name}`, async () => {
      const tar = tarOf(work, files, ...(flag === '' ? [] : [flag]));
      assert.deepEqual(list(await filesFrom(work, tar, '-')), expected);
      assert.deepEqual(temporaryFiles(work), []);
    });

  test('a tar archive: zstd', async () => {
    assert.deepEqual(list(await filesFrom(work, zstdCompressSync(tarOf(work, files)), '-')), expected);
  });

  test('the same files in another archive are cached', async () => {
    const context = { Dockerfile: 'FROM scratch\nCOPY src /src\n', 'src/a': 'same' };
    const old = tarOf(work, context);
    await work.build('-', ['-t', 'first'], { input: old });
    const again = await work.build('-', ['-t', 'again'], {
      input: tarOf(work, { ...context, other: 'x' }, '-z'),
    });
    assert.deepEqual(
      again.steps.map(({ name, cached }) => [name, cached]),
      [['[1/1] COPY src /src', true]],
    );
  });

  test('-f names a file of the archive, and a dockerfile in lower case is found', async () => {
    const tar = tarOf(work, { 'build/Other': 'FROM scratch\nCOPY build /b\n', dockerfile: everything });
    assert.deepEqual(list(await filesFrom(work, tar, '-', '-f', 'build/Other')), ['b', 'b/Other']);
    assert.deepEqual(list(await filesFrom(work, tar, '-')), ['build', 'build/Other', 'dockerfile']);
    const { code, message } = await work.tryBuild('-', ['-f', 'absent'], { input: tar });
    assert.equal(code, 1);
    assert.match(message, /ERROR: The build context on standard input has no file absent\.\n.*-f/);
  });

  test('several platforms read it once', async () => {
    const tar = tarOf(work, {
      Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /\n',
      amd64: '1',
      arm64: '2',
    });
    const output = work.path('platforms.tar');
    const platforms = ['--platform', 'linux/amd64,linux/arm64'];
    await work.build('-', [...platforms, '-o', `type=oci,tar=false,dest=${output}`], { input: tar });
    const { manifests } = JSON.parse(readFileSync(join(output, 'index.json'), 'utf8'));
    assert.equal(JSON.parse(blobOf(output, manifests[0].digest)).manifests.length, 2);
  });

  test('a Dockerfile without a context', async () => {
    const directory = await filesFrom(
      work,
      'FROM scratch\nCOPY <<here /here\ntext\nhere\nCOPY . /all/\n',
      '-',
    );
    assert.deepEqual(list(directory), ['all', 'here']);
    const { code, message } = await work.tryBuild('-', [], { input: 'FROM scratch\nCOPY absent /\n' });
    assert.equal(code, 1);
    assert.match(message, />>> COPY absent \/\n[\s\S]*ERROR: .*absent/, 'the excerpt is of standard input');
    assert.deepEqual(temporaryFiles(work), []);
  });

  test('a Dockerfile with a directory', async () => {
    const context = work.context({ file: 'f', '.dockerignore': 'ignored\n', ignored: '' });
    const directory = await filesFrom(work, everything, context, '-f', '-');
    assert.deepEqual(list(directory), ['.dockerignore', 'file']);
  });

  test('what cannot be: two readers, two Dockerfiles, nothing at all', async () => {
    for (const [place, args, input, complaint] of [
      ['-', ['-f', '-'], 'FROM scratch\n', /cannot be both the build context and the Dockerfile/],
      ['-', ['-f', 'other'], 'FROM scratch\n', /has a Dockerfile, and -f names another: other/],
      ['-', [], '', /Standard input is empty/],
      ['-', [], Buffer.alloc(10_240), /is no tar archive/],
    ] as const) {
      const { code, message } = await work.tryBuild(place, args, { input });
      assert.equal(code, 1);
      assert.match(message, complaint);
    }
  });

  test('a damaged archive leaves nothing behind', async () => {
    const whole = tarOf(work, { Dockerfile: everything, large: Buffer.alloc(1 << 20, 'x') }, '-z');
    for (const input of [whole.subarray(0, whole.length / 2), tarOf(work, files).subarray(0, 1500)]) {
      const { code, message } = await work.tryBuild('-', [], { input });
      assert.equal(code, 1);
      assert.match(message, /ERROR: .*(damaged|cut off|truncated|ends)/);
      assert.deepEqual(temporaryFiles(work), []);
    }
  });

  test('a build that is stopped, or killed, while the archive comes', async () => {
    const start = tarOf(work, { Dockerfile: everything, large: Buffer.alloc(1 << 20) }).subarray(0, 1 << 19);
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGKILL', null],
    ] as const) {
      const running = work.start(['build', '--progress=plain', '-'], { input: 'wait' });
      running.child.stdin!.write(start);
      while (!running.stderr().includes('transferring context')) await sleep(20);
      running.child.kill(signal);
      assert.equal((await running.outcome).code, code);
      assert.equal(temporaryFiles(work).length, signal === 'SIGINT' ? 0 : 1);
    }
    await work.ok('prune', '--force');
    assert.deepEqual(temporaryFiles(work), []);
  });

  test('no archive reaches beyond the context', async () => {
    const victim = work.path('victim');
    writeFileSync(victim, 'untouched');
    const context = work.context({ Dockerfile: everything, file: 'evil' });
    const way = '../'.repeat(20).slice(0, -1);
    for (const transform of [`s,^./file,${way}${victim},`, `s,^./file,${victim},`]) {
      const input = execFileSync('tar', [
        '-C',
        context,
        '-cP',
        '--transform',
        transform,
        './Dockerfile',
        './file',
      ]);
      const found = list(await filesFrom(work, input, '-'));
      assert.ok(found.includes(victim.slice(1)), 'it lies beneath the root of the context');
      assert.equal(readFileSync(victim, 'utf8'), 'untouched');
    }
    // A file behind a symlink that leads out, and a hard link to something outside.
    const linked = work.context({ Dockerfile: everything, 'out/victim': 'evil' });
    const link = work.context({ out: { link: work.directory } });
    const first = execFileSync('tar', ['-C', link, '-c', 'out']);
    const second = execFileSync('tar', ['-C', linked, '-c', 'Dockerfile', 'out/victim']);
    const endless = first.subarray(0, 512);
    await work.tryBuild('-', [], { input: Buffer.concat([endless, second]) });
    assert.equal(readFileSync(victim, 'utf8'), 'untouched');
    writeFileSync(join(linked, 'name'), '');
    execFileSync('ln', [join(linked, 'name'), join(linked, 'other')]);
    const hard = execFileSync('tar', [
      ...['-C', linked, '-cP', '--transform', `s,^name,${victim},h`],
      ...['Dockerfile', 'name', 'other'],
    ]);
    const withoutName = Buffer.concat([hard.subarray(0, 1024), hard.subarray(1536)]);
    const outcome = await work.tryBuild('-', [], { input: withoutName });
    assert.equal(outcome.code, 1);
    assert.match(outcome.message, /links .*other to .*victim, which is no file of it/);
  });
});

suite('a Dockerfile from elsewhere', () => {
  const work = new Workspace();

  test('outside of the context, with an ignore file beside it', async () => {
    const elsewhere = work.context({
      'app.Dockerfile': everything,
      'app.Dockerfile.dockerignore': 'secret\n',
    });
    const context = work.context({ file: '', secret: '', '.dockerignore': 'file\n' });
    const directory = await work.files(context, ['-f', join(elsewhere, 'app.Dockerfile')]);
    assert.deepEqual(list(directory), ['.dockerignore', 'file']);
  });

  test('one that the ignore file excludes is used, and not copied', async () => {
    const context = work.context({
      Dockerfile: everything,
      '.dockerignore': 'Dockerfile\n.dockerignore\n',
      file: '',
    });
    assert.deepEqual(list(await work.files(context)), ['file']);
  });

  test('a dockerfile in lower case is found where there is no other', async () => {
    assert.deepEqual(list(await work.files({ dockerfile: everything })), ['dockerfile']);
  });

  test('a wrong pattern is named with its file and line', async () => {
    const context = work.context({ Dockerfile: everything, '.dockerignore': '# fine\na\n[x\n' });
    const { code, message } = await work.tryBuild(context);
    assert.equal(code, 1);
    assert.match(
      message,
      /\.dockerignore:3\n[\s\S]*>>> \[x\n[\s\S]*ERROR: The pattern "\[x" is not complete/,
    );
  });
});

suite('an OCI layout as a named context', () => {
  const work = new Workspace();
  let made = 0;

  /** A layout with one image whose file says `text`, under a tag. */
  async function layoutOf(text: string, ...args: readonly string[]): Promise<string> {
    const layout = work.path(`layout-${made++}`);
    const builder = new Workspace();
    const context = { Dockerfile: 'FROM scratch\nCOPY file /file\nENV MADE=there\n', file: text };
    await builder.build(context, ['-o', `type=oci,tar=false,dest=${layout}`, ...args]);
    return layout;
  }

  const standing = 'FROM base\nCOPY --from=base /file /copied\n';

  test('is a base and a source, by tag, by digest and alone, and nothing is loaded', async () => {
    const layout = await layoutOf('one', '-t', 'image:v1');
    const { manifests } = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
    const before = list(layout);
    for (const suffix of [':v1', '', `@${manifests[0].digest}`, `:v1@${manifests[0].digest}`]) {
      const directory = await work.files({ Dockerfile: standing }, [
        '--build-context',
        `base=oci-layout://${layout}${suffix}`,
      ]);
      assert.deepEqual(list(directory), ['copied', 'file']);
      assert.equal(readFileSync(join(directory, 'copied'), 'utf8'), 'one');
    }
    assert.equal(await work.ok('images', '--quiet'), '');
    assert.deepEqual(list(layout), before, 'the layout is only read');
  });

  test('its config is inherited, and its layers keep their digests in the result', async () => {
    const layout = await layoutOf('inherited');
    const result = work.path('result');
    await work.build({ Dockerfile: 'FROM base\nCOPY Dockerfile /\n' }, [
      ...['--build-context', `base=oci-layout://${layout}`],
      ...['-o', `type=oci,tar=false,dest=${result}`],
    ]);
    const [base, derived] = [layout, result].map(manifestOf) as [Manifest, Manifest];
    assert.equal(derived.layers[0]!.digest, base.layers[0]!.digest);
    const config = JSON.parse(blobOf(result, derived.config.digest));
    assert.ok(config.config.Env.includes('MADE=there'));
    assert.equal(config.history.length, 3);
  });

  test('one platform may have a layout of its own', async () => {
    const [ours, theirs] = [await layoutOf('any'), await layoutOf('special')];
    const platform = process.arch === 'arm64' ? 'linux/arm64' : 'linux/amd64';
    for (const [name, text] of [
      [`base::${platform}`, 'special'],
      ['base::linux/s390x', 'any'],
    ]) {
      const directory = await work.files({ Dockerfile: 'FROM base\n' }, [
        ...['--build-context', `base=oci-layout://${ours}`],
        ...['--build-context', `${name}=oci-layout://${theirs}`],
      ]);
      assert.equal(readFileSync(join(directory, 'file'), 'utf8'), text);
    }
  });

  test('a wrong tag, digest or directory is told with what there is', async () => {
    const layout = await layoutOf('x', '-t', 'image:v1', '-t', 'image:v2');
    for (const [place, complaint] of [
      [`oci-layout://${layout}:v3`, /has no image "v3"\.\n.*v1/],
      [`oci-layout://${layout}@sha256:${'0'.repeat(64)}`, /has no image sha256:0000/],
      [`oci-layout://${work.directory}`, /There is no OCI layout .*index\.json/],
      ['target:other', /there is no target: here/],
      ['ftp://host/x', /there is no ftp:\/\/ here/],
      ['nowhere', /build context nowhere does not exist/],
    ] as const) {
      const { code, message } = await work.tryBuild({ Dockerfile: standing }, [
        '--build-context',
        `base=${place}`,
      ]);
      assert.equal(code, 1);
      assert.match(message, complaint);
    }
  });

  test('a blob that is not what its digest says is refused, and nothing of it is kept', async () => {
    const layout = await layoutOf('honest');
    const { layers, config } = manifestOf(layout);
    const build = () =>
      new Workspace().tryBuild({ Dockerfile: standing }, ['--build-context', `base=oci-layout://${layout}`]);
    const path = (digest: string) => join(layout, 'blobs/sha256', digest.slice(7));
    const layer = readFileSync(path(layers[0]!.digest));
    const digest = layers[0]!.digest;
    for (const spoil of [
      () =>
        writeFileSync(path(digest), Buffer.concat([layer.subarray(0, -1), Buffer.from([layer.at(-1)! ^ 1])])),
      () => truncateSync(path(digest), layer.length - 10),
      () => writeFileSync(path(digest), Buffer.concat([layer, layer])),
    ]) {
      spoil();
      const { code, message } = await build();
      assert.equal(code, 1);
      assert.match(message, new RegExp(`ERROR: .*${digest}`));
    }
    writeFileSync(path(digest), layer);
    writeFileSync(path(config.digest), '{}');
    const { message } = await build();
    assert.match(message, new RegExp(`${config.digest}.* is damaged`));
    rmSync(path(config.digest));
    assert.match((await build()).message, new RegExp(`${config.digest} is not in the store`));
  });
});

interface Manifest {
  config: { digest: string };
  layers: { digest: string }[];
}

function blobOf(layout: string, digest: string): string {
  return readFileSync(join(layout, 'blobs/sha256', digest.slice(7)), 'utf8');
}

function manifestOf(layout: string): Manifest {
  const { manifests } = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
  return JSON.parse(blobOf(layout, manifests[0].digest));
}

suite('the same context by Docker and here', {
  skip: needsDocker || needs('root', 'tar', 'xz', 'bzip2', 'getcap'),
}, () => {
  const work = new Workspace();
  const docker = new Docker(work);
  let count = 0;

  async function compare(input: string | Uint8Array | undefined, ...args: readonly string[]): Promise<void> {
    const place = work.path(`compared-${count++}`);
    const [ours, theirs] = [`${place}-ours`, `${place}-theirs`];
    await Promise.all([
      work
        .stagecraft(['build', '-o', `type=tar,dest=${ours}.tar`, ...args], { input })
        .then(({ code, stderr }) => assert.equal(code, 0, stderr)),
      docker.feed(input, 'build', '-o', `type=tar,dest=${theirs}.tar`, ...args),
    ]);
    for (const directory of [ours, theirs]) {
      await tool('mkdir', directory);
      await tool('tar', '-C', directory, '-xpf', `${directory}.tar`);
    }
    assert.deepEqual(compareTrees(await readTree(ours), await readTree(theirs)), []);
  }

  /** Files of several owners and kinds, none of them new. */
  function project(): string {
    const context = work.context({
      Dockerfile: 'FROM scratch\nCOPY . /all/\nCOPY --chown=5:6 src /owned\nADD src/p* /added/\n',
      'src/file': 'f',
      'src/program': { content: 'p', mode: 0o4755 },
      'src/private': { content: 'x', mode: 0o600 },
      'src/link': { link: 'file' },
      'src/empty': { directory: true, mode: 0o1777 },
      '.dockerignore': 'src/private\n',
    });
    execFileSync('ln', [join(context, 'src/file'), join(context, 'src/hard')]);
    execFileSync('chown', ['-R', '12:34', join(context, 'src')]);
    execFileSync('find', [context, '-exec', 'touch', '--no-dereference', '-d', '2010-01-01', '{}', '+']);
    return context;
  }

  for (const flag of ['', '-z', '-j', '-J'])
    test(`a tar archive${flag && ` made with ${flag}`}: owners stay, and an ignore file counts for nothing`, async () => {
      const flags = flag === '' ? [] : [flag];
      await compare(execFileSync('tar', ['-C', project(), '-c', ...flags, '.']), '-');
    });

  test('a Dockerfile on standard input, with a context and without', async () => {
    await compare('FROM scratch\nWORKDIR /here\nCOPY . /nothing\n', '-');
    await compare('FROM scratch\nCOPY . /\n', '-f', '-', project());
  });

  test('ignore patterns of all kinds', async () => {
    const names = [
      'a',
      'b',
      'ab',
      'a.b',
      '.hidden',
      'sp ace',
      'node_modules',
      'x.md',
      'README.md',
      '[z]',
      'é',
    ];
    const files: Record<string, string> = { 'sub/sub/sub/a': '' };
    for (const name of names) {
      for (const directory of ['', 'dir/', 'dir/a/', 'other/dir/', 'other/b/ab/'])
        files[`${directory}${name}-f`] = '';
      for (const directory of ['', 'dir/', 'other/dir/']) files[`${directory}${name}/in/file`] = '';
    }
    // No exceptions with wildcards: since the version that Debian's Docker has, they hold for what lies within a directory, too.
    const lists = [
      ['**/a', '**/*.md', '!README.md', 'dir/?', 'other/[a-c]*', 'other/[^a-z]*'],
      ['*', '!dir', 'dir/*', '!dir/a'],
      ['\ufeff# comment', 'a ', '  b', ' # no comment', '\tab\t', '', ' '],
      ['dir/\r', '!dir/a/\r', '\r', 'other\r', '**/**/sub'],
      ['/dir/./a//', 'other/../ab', './b', '../a', '/', '**/.'],
      ['\\[z\\]', '[[]z]-f', 'sp ace', 'é*', '.h*', '!.hidden/in', '**/node_modules/**'],
      ['*/*/file', 'dir/*/in/', 'node_modules/', '.'],
    ];
    for (const lines of lists) {
      const context = work.context({ ...files, Dockerfile: everything, '.dockerignore': lines.join('\n') });
      execFileSync('find', [context, '-exec', 'touch', '-d', '2010-01-01', '{}', '+']);
      await compare(undefined, context);
    }
  });
});

suite('an ordinary user with contexts of all kinds', { skip: needsUsers || needs('tar') }, () => {
  const everyone = new Everyone(needsUsers);
  const { root } = everyone;

  for (const { who, work, skip } of everyone.users)
    test(who, { skip }, async () => {
      const files = { Dockerfile: everything, 'src/a': 'a' };
      const context = root.context(files);
      execFileSync('chown', ['-R', '12:34', join(context, 'src')]);
      const input = execFileSync('tar', ['-C', context, '-cz', '.']);
      assert.deepEqual(list(await filesFrom(work, input, '-')), ['Dockerfile', 'src', 'src/a']);
      assert.deepEqual(temporaryFiles(work), []);
      assert.deepEqual(list(await filesFrom(work, 'FROM scratch\nCOPY . /x/\n', '-')), ['x']);
      const layout = work.path('layout');
      await root.build(files, ['-o', `type=oci,tar=false,dest=${layout}`]);
      await tool('chmod', '-R', 'a+rX', layout);
      const place = ['--build-context', `base=oci-layout://${layout}`];
      const directory = await filesFrom(work, 'FROM base\nCOPY --from=base /src /again\n', '-', ...place);
      assert.deepEqual(list(directory), ['Dockerfile', 'again', 'again/a', 'src', 'src/a']);
    });
});
