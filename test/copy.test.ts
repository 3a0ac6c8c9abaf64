import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { withBusybox } from './support/busybox.ts';
import { needs } from './support/needs.ts';
import { run, tool } from './support/program.ts';
import { list, Workspace } from './support/workspace.ts';

suite('COPY and ADD', () => {
  const work = new Workspace();

  test('.dockerignore keeps files out, the last match decides, and a Dockerfile may have one of its own', async () => {
    const context = work.context({
      '.dockerignore': '# comment\n**/*.log\nnode_modules\n!keep.log\nsecret*\n!secrets/public\n',
      'other.Dockerfile': 'FROM scratch\nCOPY . /\n',
      'other.Dockerfile.dockerignore': '*\n!only\n',
      Dockerfile: 'FROM scratch\nCOPY . /\n',
      'a.log': '',
      'keep.log': '',
      'src/b.log': '',
      'src/code': '',
      'node_modules/x/y': '',
      'secrets/private': '',
      'secrets/public': '',
      only: '',
    });
    assert.deepEqual(list(await work.files(context)), [
      '.dockerignore',
      'Dockerfile',
      'keep.log',
      'only',
      'other.Dockerfile',
      'other.Dockerfile.dockerignore',
      'secrets',
      'secrets/public',
      'src',
      'src/code',
    ]);
    const other = await work.files(context, ['-f', join(context, 'other.Dockerfile')]);
    assert.deepEqual(list(other), ['only']);
  });

  test('patterns choose files, directories give their content, and a trailing slash means into', async () => {
    const files = await work.files({
      Dockerfile: `FROM scratch
COPY *.ts lib/?.ts /globbed/
COPY lib /lib
COPY a.ts /renamed
COPY a.ts /into/
COPY ["with space", "/with space/"]
COPY [[]x] /brackets/
`,
      'a.ts': 'a',
      'b.ts': 'b',
      'lib/c.ts': 'c',
      'lib/long.ts': 'long',
      'lib/deep/d': 'd',
      'with space': 's',
      '[x]': 'x',
    });
    assert.deepEqual(list(files), [
      'brackets',
      'brackets/[x]',
      'globbed',
      'globbed/a.ts',
      'globbed/b.ts',
      'globbed/c.ts',
      'into',
      'into/a.ts',
      'lib',
      'lib/c.ts',
      'lib/deep',
      'lib/deep/d',
      'lib/long.ts',
      'renamed',
      'with space',
      'with space/with space',
    ]);
  });

  test('modes, times, links and executable bits arrive as they are', async () => {
    const context = work.context({
      Dockerfile: 'FROM scratch\nCOPY tree /tree\n',
      'tree/program': { content: '#!', mode: 0o751 },
      'tree/private/file': { content: 'p', mode: 0o400 },
      'tree/absolute': { link: '/nowhere/at/all' },
      'tree/relative': { link: 'program' },
    });
    utimesSync(join(context, 'tree/program'), 1_000_000_000, 1_000_000_000);
    const files = await work.files(context);
    const mode = (path: string): number => lstatSync(join(files, path)).mode & 0o7777;
    assert.equal(mode('tree/program'), 0o751);
    assert.equal(mode('tree/private/file'), 0o400);
    assert.equal(lstatSync(join(files, 'tree/program')).mtimeMs, 1e12);
    assert.equal(readlinkSync(join(files, 'tree/absolute')), '/nowhere/at/all');
    assert.equal(readlinkSync(join(files, 'tree/relative')), 'program');
  });

  test('--chown takes numbers and names of the image, --chmod octal and symbols', {
    skip: needs('busybox'),
  }, async () => {
    const files = await work.files({
      ...withBusybox(`FROM busybox AS users
RUN mkdir -p /etc && echo app:x:1234:1235::/:/bin/sh >/etc/passwd && echo team:x:4321: >/etc/group
COPY --chown=app file /named
COPY --chown=app:team dir /both
COPY --chown=7:8 --chmod=640 file /numbers
COPY --chmod=u=rwx,go=rX dir /symbols
ADD --chown=9 --chmod=0711 file /added
RUN for f in /named /both /both/inner /numbers /symbols /symbols/inner /added; do stat -c '%n %a %u:%g' $f; done >/listing
FROM scratch
COPY --from=users /listing /
`),
      file: { content: 'f', mode: 0o644 },
      'dir/inner': { content: 'i', mode: 0o600 },
    });
    assert.equal(
      readFileSync(join(files, 'listing'), 'utf8'),
      `/named 644 1234:1235
/both 755 1234:4321
/both/inner 600 1234:4321
/numbers 640 7:8
/symbols 755 0:0
/symbols/inner 744 0:0
/added 711 9:9
`,
    );
  });

  test('ADD unpacks a local archive, whatever it is compressed with; COPY leaves it as it is', async t => {
    const context = work.context({ 'in/deep/file': 'packed', 'in/link': { link: 'deep/file' } });
    const compressions = ['none', 'gzip', 'bzip2', 'xz', 'zstd'].filter(
      name => name === 'none' || needs(name) === false,
    );
    for (const name of compressions) {
      const archive = join(context, `${name}.archive`);
      await tool(
        'tar',
        '-C',
        join(context, 'in'),
        ...(name === 'none' ? [] : [`--${name}`]),
        '-cf',
        archive,
        '.',
      );
    }
    t.diagnostic(`compressions: ${compressions.join(', ')}`);
    const adds = compressions.map(name => `ADD ${name}.archive /${name}/`).join('\n');
    work.write(context, {
      Dockerfile: `FROM scratch\n${adds}\nCOPY gzip.archive /kept/\nADD in/deep/file /plain/\n`,
    });
    const files = await work.files(context);
    for (const name of compressions) {
      assert.equal(readFileSync(join(files, name, 'deep/file'), 'utf8'), 'packed', name);
      assert.equal(readlinkSync(join(files, name, 'link')), 'deep/file', name);
    }
    assert.deepEqual(readdirSync(join(files, 'kept')), ['gzip.archive']);
    assert.equal(readFileSync(join(files, 'plain/file'), 'utf8'), 'packed');
  });

  test('an archive that tries to leave its place stays in it', async () => {
    const context = work.context({
      Dockerfile: 'FROM scratch\nADD evil.tar /in/\nADD links.tar /in2/\n',
      file: 'evil',
    });
    mkdirSync(join(context, 'sub'));
    await tool('tar', '-C', join(context, 'sub'), '-P', '-cf', join(context, 'evil.tar'), '../file');
    work.write(context, { 'l/way': { link: '../../../..' } });
    await tool('tar', '-C', join(context, 'l'), '-cf', join(context, 'links.tar'), 'way');
    work.write(context, { 'm/way/file': 'evil' });
    await tool('tar', '-C', join(context, 'm'), '-rf', join(context, 'links.tar'), 'way/file');
    const built = await work.tryBuild(context, ['-o', work.path('escape')]);
    if (built.code === 0) {
      for (const path of list(work.path('escape'))) assert.match(path, /^(in2?|file)(\/|$)/);
    } else {
      assert.match(built.message, /evil\.tar|links\.tar|\.\./);
    }
  });

  test('a symlink in the image decides where files go, and cannot lead out of it', {
    skip: needs('busybox'),
  }, async () => {
    const files = await work.files({
      ...withBusybox(`FROM busybox AS linked
RUN mkdir -p /real && ln -s /real /alias && ln -s ../../../../../../real /climber
COPY file /alias/one
COPY file /climber/two
FROM scratch
COPY --from=linked /real /real
`),
      file: 'x',
    });
    assert.deepEqual(list(files), ['real', 'real/one', 'real/two']);
  });

  test('files may stand in the Dockerfile itself', async () => {
    const files = await work.files(
      {
        Dockerfile: `FROM scratch
ARG NAME=world
COPY <<one <<"two" /docs/
hello $NAME
one
hello $NAME
two
COPY --chmod=755 <<-END /run.sh
	#!/bin/sh
	echo indented
END
`,
      },
      ['--build-arg', 'NAME=you'],
    );
    assert.equal(readFileSync(join(files, 'docs/one'), 'utf8'), 'hello you\n');
    assert.equal(readFileSync(join(files, 'docs/two'), 'utf8'), 'hello $NAME\n');
    assert.equal(readFileSync(join(files, 'run.sh'), 'utf8'), '#!/bin/sh\necho indented\n');
    assert.equal(lstatSync(join(files, 'run.sh')).mode & 0o777, 0o755);
  });

  test('--link, --exclude and --parents do as Docker does', async () => {
    const files = await work.files({
      Dockerfile: `# syntax=docker/dockerfile:1-labs
FROM scratch
COPY --link a /linked/a
COPY --exclude=*.md --exclude=!keep.md docs /docs/
COPY --parents ./docs/*.txt src/./deep/*.c /parents/
`,
      a: 'a',
      'docs/x.md': '',
      'docs/keep.md': '',
      'docs/y.txt': '',
      'src/deep/z.c': '',
    });
    assert.deepEqual(list(files), [
      'docs',
      'docs/keep.md',
      'docs/y.txt',
      'linked',
      'linked/a',
      'parents',
      'parents/deep',
      'parents/deep/z.c',
      'parents/docs',
      'parents/docs/y.txt',
    ]);
  });

  test('names that are not text in any encoding come through', async () => {
    const context = work.context({ Dockerfile: 'FROM scratch\nCOPY . /\n', '.dockerignore': 'Dockerfile\n' });
    const { code } = await run(['sh', '-c', "printf x >$(printf 'caf\\351') && printf y >'new\nline'"], {
      cwd: context,
    });
    assert.equal(code, 0);
    const files = await work.files(context);
    const names = readdirSync(files, 'buffer').map(name => name.toString('latin1'));
    assert.deepEqual(names.sort(), ['.dockerignore', 'caf\u00e9', 'new\nline']);
  });
});
