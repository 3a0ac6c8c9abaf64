import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Workspace } from './support/workspace.ts';

interface Lint {
  warnings: { ruleName: string; level: string; location: { ranges: { start: { line: number } }[] } }[];
  sources: { filename: string }[];
  buildError?: { message: string };
}

suite('stagecraft check', () => {
  const work = new Workspace();
  const crooked = 'from scratch AS Base\nRUN one \\\n\n  two\nENV k v\nCOPY $none /\n';

  test('shows each finding with its lines, makes no store and succeeds', async () => {
    const context = work.context({ Dockerfile: crooked });
    const { code, stdout, stderr } = await work.stagecraft(['check', context]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^WARNING StageNameCasing: Stage name 'Base' should be lowercase$/m);
    assert.match(stdout, /^More info: https:\/\/docs\.docker\.com\/go\/dockerfile\/rule\/undefined-var\/$/m);
    assert.match(stdout, /^ {3}6 \| >>> COPY \$none \/$/m);
    assert.match(stdout, /can be mended with --fix\.\n$/);
    assert.equal(existsSync(work.store), false);
  });

  test('an error of the Dockerfile is told with its line, and with what was found besides', async () => {
    const context = work.context({
      Dockerfile: 'FROM scratch AS X\nCOPPY a b\n',
      'late/Dockerfile': 'FROM scratch AS X\nEXPOSE x\n',
    });
    const wrong = await work.stagecraft(['check', context]);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /Dockerfile:2\n[\s\S]*>>> COPPY a b[\s\S]*ERROR: .*COPPY.*\n.*COPY/);
    const late = await work.stagecraft(['check', join(context, 'late')]);
    assert.equal(late.code, 1);
    assert.match(late.stdout, /StageNameCasing/);
    assert.match(late.stderr, />>> EXPOSE x/);
  });

  test('a file that is not there is an error among the others', async () => {
    const context = work.context({ Dockerfile: 'FROM scratch AS X\n' });
    const { code, stdout, stderr } = await work.stagecraft(['check', join(context, 'none'), context]);
    assert.equal(code, 1);
    assert.match(stdout, /StageNameCasing[\s\S]*\n2 Dockerfiles: 1 error, 1 warning/);
    assert.match(stderr, /ERROR: .*none.* does not exist/);
  });

  test('exit codes tell warnings, errors and mistakes in the command line apart', async () => {
    const context = work.context({ Dockerfile: crooked });
    const code = async (...args: string[]): Promise<number | null> =>
      (await work.stagecraft(['check', ...args, context])).code;
    assert.equal(await code(), 0);
    assert.equal(await code('--error'), 1);
    assert.equal(await code('--error', '--skip', 'all'), 0);
    assert.equal(await code('--build-arg', 'BUILDKIT_DOCKERFILE_CHECK=error=true'), 1);
    assert.equal(await code('--format', 'xml'), 2);
    assert.equal(await code('--mend'), 2);
    assert.equal(await code('-f', 'Dockerfile', '.'), 2);
  });

  test('several files, standard input, and a context for a file elsewhere', async () => {
    const context = work.context({
      'a.Dockerfile': 'FROM scratch AS A\n',
      'b/Dockerfile': 'FROM scratch AS B\n',
      '.dockerignore': 'secret\n',
      'b/copy.Dockerfile': 'FROM scratch\nCOPY secret /\n',
    });
    const lint = async (args: string[], stdin?: string): Promise<Lint> => {
      const options = { cwd: context, ...(stdin !== undefined && { input: stdin }) };
      return JSON.parse((await work.stagecraft(['check', '--format', 'json', ...args], options)).stdout);
    };
    const several = await lint(['a.Dockerfile', 'b']);
    assert.deepEqual(
      several.sources.map(({ filename }) => filename),
      ['a.Dockerfile', 'b/Dockerfile'],
    );
    assert.deepEqual(
      several.warnings.filter(({ level }) => level === 'warning').map(({ ruleName }) => ruleName),
      ['StageNameCasing', 'StageNameCasing'],
    );
    const piped = await lint(['-'], 'FROM scratch\nMAINTAINER me\n');
    assert.ok(piped.warnings.some(({ ruleName }) => ruleName === 'MaintainerDeprecated'));
    const ignored = await lint(['-f', 'b/copy.Dockerfile', '.']);
    assert.ok(ignored.warnings.some(({ ruleName }) => ruleName === 'CopyIgnoredFile'));
  });

  test('a base image that is not there is no error, and is told', async () => {
    const context = work.context({ Dockerfile: 'FROM nowhere.example/base:1\nCOPY $none /\n' });
    const { code, stdout, stderr } = await work.stagecraft(['check', context]);
    assert.equal(code, 0);
    assert.match(stdout, /UndefinedVar/);
    assert.match(stderr, /not in the store.*nowhere\.example\/base:1/);
  });

  test('--fix mends the file and tells what it did, --diff only shows it', async () => {
    const context = work.context({ Dockerfile: crooked });
    const file = join(context, 'Dockerfile');
    const diff = await work.stagecraft(['check', '--diff', context]);
    assert.match(diff.stdout, /^-from scratch AS Base\n(?:.*\n)*?\+FROM scratch AS base$/m);
    assert.equal(readFileSync(file, 'utf8'), crooked);
    const { code, stdout, stderr } = await work.stagecraft(['check', '--fix', context]);
    assert.equal(code, 0);
    assert.match(stderr, /Dockerfile:5: LegacyKeyValueFormat: Write k=$/m);
    assert.match(stdout, /UndefinedVar/);
    assert.doesNotMatch(stdout, /LegacyKeyValueFormat/);
    assert.equal(
      readFileSync(file, 'utf8'),
      'FROM scratch AS base\nRUN one \\\n  two\nENV k=v\nCOPY $none /\n',
    );
  });

  test('--explain shows the page of a rule, whatever its letter case', async () => {
    assert.match(await work.ok('check', '--explain', 'copywholestage'), /^# CopyWholeStage\n/);
    assert.match(
      await work.ok('check', '--explain', 'UndefinedVar'),
      /^UndefinedVar: .*\nhttps:\/\/docs\.docker\.com\/go\/dockerfile\/rule\/undefined-var\/\n$/,
    );
    const { code, stderr } = await work.stagecraft(['check', '--explain', 'CopyHoleStage']);
    assert.equal(code, 2);
    assert.match(stderr, /Did you mean CopyWholeStage\?/);
  });

  test('SARIF is one log with a result for each finding', async () => {
    const context = work.context({ Dockerfile: crooked });
    const { stdout } = await work.stagecraft(['check', '--format', 'sarif', context]);
    const { version, runs } = JSON.parse(stdout);
    assert.equal(version, '2.1.0');
    const found = runs[0].results.map(({ ruleId }: { ruleId: string }) => ruleId);
    assert.ok(found.includes('NoEmptyContinuation') && found.includes('UndefinedVar'), found);
  });
});

suite('checks of builds', () => {
  const work = new Workspace();

  test('warnings come at the end with their lines, and build nothing less', async () => {
    const context = work.context({ Dockerfile: 'FROM scratch AS X\nCOPY file /\n', file: '' });
    const { code, stderr } = await work.stagecraft(['build', '--progress=plain', '-t', 'app', context]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^#1 WARN: StageNameCasing: Stage name 'X' should be lowercase \(line 1\)$/m);
    assert.match(
      stderr,
      /\n 1 warning found:\n - StageNameCasing: Stage name 'X' should be lowercase \(line 1\)\nMore info: .*\n\S+:1\n-{20}\n {3}1 \| >>> FROM scratch AS X\n/,
    );
  });

  test('with error=true nothing is built', async () => {
    const context = work.context({
      Dockerfile: '# check=error=true\nFROM scratch AS X\nCOPY file /\n',
      file: '',
    });
    const { code, stderr } = await work.stagecraft(['build', '--progress=plain', '-t', 'never', context]);
    assert.equal(code, 1);
    assert.match(stderr, /1 warning found[\s\S]*ERROR: Lint violation found for rules: StageNameCasing\./);
    assert.doesNotMatch(stderr, /^#\d+ .*COPY file/m);
    assert.doesNotMatch(await work.ok('images'), /never/);
  });

  test('warnings are events of rawjson', async () => {
    const context = work.context({ Dockerfile: 'FROM scratch AS X\nCOPY file /\n', file: '' });
    const { stderr } = await work.stagecraft(['build', '--progress=rawjson', context]);
    const events = stderr
      .trim()
      .split('\n')
      .map(line => JSON.parse(line));
    const [warning, ...more] = events.flatMap(({ warnings = [] }) => warnings);
    assert.equal(more.length, 0);
    assert.equal(
      Buffer.from(warning.short, 'base64').toString(),
      "StageNameCasing: Stage name 'X' should be lowercase (line 1)",
    );
    assert.deepEqual(warning.range, [{ start: { line: 1 }, end: { line: 1 } }]);
    assert.ok(
      events.some(({ vertexes = [] }) =>
        vertexes.some(({ digest }: { digest: string }) => digest === warning.vertex),
      ),
    );
  });

  test('build --check builds nothing and fails on warnings, as buildx does', async () => {
    const context = work.context({
      Dockerfile: 'FROM scratch AS X\nCOPY file /\n',
      'good/Dockerfile': 'FROM scratch\nCOPY . /\n',
    });
    const bad = await work.stagecraft(['build', '--check', '-t', 'never', context]);
    assert.equal(bad.code, 1);
    assert.match(
      bad.stdout,
      /^Check complete, 1 warning has been found!\n\nWARNING: StageNameCasing - https/,
    );
    const ignored = await work.stagecraft(['build', '--call=check,ignorestatus=true', context]);
    assert.equal(ignored.code, 0);
    const good = await work.stagecraft(['build', '--check', join(context, 'good')]);
    assert.deepEqual([good.code, good.stdout], [0, 'Check complete, no warnings found.\n']);
    const lint: Lint = JSON.parse(
      (await work.stagecraft(['build', '--call=check,format=json', context])).stdout,
    );
    assert.equal(lint.warnings[0]!.ruleName, 'StageNameCasing');
    assert.doesNotMatch(await work.ok('images'), /never/);
  });

  const outlined = `
# VERSION is what to build
ARG VERSION=1
ARG UNUSED
# base is where it begins
FROM scratch AS base
ARG VERSION
FROM base AS app
ARG MODE
RUN --mount=type=secret,id=token,required --mount=type=ssh true
FROM scratch
`;

  test('--call=outline tells what a target can be given', async () => {
    const context = work.context({ Dockerfile: outlined });
    const args = ['build', '--call=outline', '--target=app', '--build-arg=MODE=fast', context];
    assert.equal(
      await work.ok(...args),
      `TARGET: app

BUILD ARG   VALUE   DESCRIPTION
VERSION     1       is what to build
MODE        fast${'    '}

SECRET   REQUIRED
token    true

SSH       REQUIRED
default${'   '}

`,
    );
    const {
      name,
      args: all,
      secrets,
    } = JSON.parse(await work.ok('build', '--call=outline,format=json', '--target=app', context));
    assert.equal(name, 'app');
    assert.deepEqual(all[1], {
      name: 'MODE',
      location: { ranges: [{ start: { line: 9 }, end: { line: 9 } }] },
    });
    assert.equal(secrets[0].required, true);
  });

  test('--call=targets lists the stages', async () => {
    const context = work.context({ Dockerfile: outlined });
    assert.equal(
      await work.ok('build', '--call=targets', context),
      `TARGET    DESCRIPTION
base      is where it begins
app${' '.repeat(7)}
(default)${' '}
`,
    );
  });
});
