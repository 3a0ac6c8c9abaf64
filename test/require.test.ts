import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { withBusybox } from './support/busybox.ts';
import { needs } from './support/needs.ts';
import { Workspace } from './support/workspace.ts';

/** A program, and stages that look whether it is good: `fail` among the files is what they fail on. */
const project = withBusybox(`FROM busybox AS build
RUN echo program >/program
FROM build AS Test
COPY check* /
RUN echo testing the $(cat /program); sh -c '! grep fail /check'
FROM busybox AS lint
RUN echo linting
FROM scratch AS app
COPY --from=build /program /
`);

suite('required stages', { skip: needs('busybox') }, () => {
  const work = new Workspace();
  const good = work.context({ ...project, check: 'good' });
  const bad = work.context({ ...project, check: 'to fail' });

  test('are built besides the target, once, and are no part of the image', async () => {
    const args = ['-t', 'good', '--require', 'test', '--require', 'lint,test'];
    const first = await work.build(good, args);
    assert.match(first.log, /testing the program/);
    assert.match(first.log, /linting/);
    const names = first.steps.map(step => step.name);
    assert.ok(names.includes("[test 2/2] RUN echo testing the $(cat /program); sh -c '! grep fail /check'"));
    assert.ok(names.includes('[lint 1/1] RUN echo linting'));
    assert.equal(names.length, new Set(names).size);
    const plain = await work.build(good, ['-t', 'plain']);
    assert.ok(plain.steps.every(step => !/test|lint/.test(step.name)));
    const ids = await Promise.all(['good', 'plain'].map(name => work.ok('inspect', '-f', '{{.Id}}', name)));
    assert.equal(ids[0], ids[1]);
    const again = await work.build(good, args);
    assert.deepEqual(
      again.steps.filter(step => !step.cached),
      [],
    );
  });

  test('a failing one: its output, its line, exit code 1, and nothing is written', async () => {
    const files = ['iid', 'metadata', 'image.tar'].map(name => work.path(name));
    const [iid, metadata, archive] = files as [string, string, string];
    const outputs = ['--iidfile', iid, '--metadata-file', metadata, '-o', `type=oci,dest=${archive}`];
    const { code, log, message } = await work.tryBuild(bad, [
      '-t',
      'bad',
      '--require',
      'test',
      ...outputs,
      '-o',
      'type=image',
    ]);
    assert.equal(code, 1);
    assert.match(log, /testing the program\nto fail/);
    assert.match(message, />>> RUN echo testing/);
    assert.match(message, /did not complete successfully: exit code: 1/);
    assert.match(message, /^The required stage "test" failed, so no image was made\.$/m);
    for (const file of files) assert.ok(!existsSync(file), file);
    assert.ok(!(await work.ok('images')).includes('bad'));
    // The target alone would do.
    await work.build(bad, ['-t', 'bad']);
  });

  test('a failure of what the target needs as well is nobody else’s', async () => {
    const { message } = await work.tryBuild(
      withBusybox(`FROM busybox AS build
RUN exit 3
FROM build AS test
RUN true
FROM build
`),
      ['--require', 'test'],
    );
    assert.match(message, /exit code: 3/);
    assert.doesNotMatch(message, /required stage/);
  });

  test('the failure of one stops what is running', async () => {
    const { code, steps } = await work.tryBuild(
      withBusybox(`FROM busybox AS quick
RUN sleep 1; exit 1
FROM busybox AS slow
RUN sleep 300
FROM busybox
RUN sleep 301
`),
      ['--require', 'quick', '--require', 'slow'],
    );
    assert.equal(code, 1);
    const endings = steps.filter(step => step.name.includes('sleep 30')).map(step => step.error);
    assert.deepEqual(endings, ['cancelled', 'cancelled']);
  });

  test('for several platforms, of which one fails', async () => {
    const { code, message } = await work.tryBuild(
      withBusybox(`FROM busybox AS test
ARG TARGETARCH
RUN echo $TARGETARCH; test "$TARGETARCH" != arm64
FROM scratch
COPY busybox /
`),
      ['--platform', 'linux/amd64,linux/arm64', '--require', 'test'],
    );
    assert.equal(code, 1);
    assert.match(message, /The required stage "test" failed for linux\/arm64, so no image was made\./);
  });

  test('an unknown one is told before anything runs, with a suggestion', async () => {
    const { code, message, steps } = await work.tryBuild(good, ['--require', 'tets']);
    assert.equal(code, 1);
    assert.match(message, /no stage "tets".*\nDid you mean "test"\?/);
    assert.deepEqual(steps, []);
  });
});

suite('the cache left out for some stages', { skip: needs('busybox') }, () => {
  const work = new Workspace();
  const context = work.context(
    withBusybox(`FROM busybox AS One
RUN cat /proc/sys/kernel/random/uuid >/one
FROM busybox AS two
RUN cat /proc/sys/kernel/random/uuid >/two
FROM scratch
COPY --from=one /one /
COPY --from=two /two /
`),
  );
  const marks = async (...args: string[]): Promise<string[]> => {
    const files = await work.files(context, args);
    return ['one', 'two'].map(name => readFileSync(`${files}/${name}`, 'utf8'));
  };

  test('by names in any case, by commas or flags; a name that no stage has changes nothing', async () => {
    const before = await marks();
    assert.deepEqual(await marks('--no-cache-filter', 'three'), before);
    const [one, two] = await marks('--no-cache-filter', 'three,ONE');
    assert.notEqual(one, before[0]);
    assert.equal(two, before[1]);
    const both = await marks('--no-cache-filter', 'one', '--no-cache-filter', 'two');
    assert.ok(both[0] !== one && both[1] !== two);
    // An empty list is one of all stages, as in buildx.
    const all = await marks('--no-cache-filter', '');
    assert.ok(all[0] !== both[0] && all[1] !== both[1]);
    // What ran last is what the cache has from then on.
    assert.deepEqual(await marks(), all);
  });

  test('not together with --no-cache', async () => {
    const { code, message } = await work.tryBuild(context, ['--no-cache', '--no-cache-filter', 'one']);
    assert.equal(code, 1);
    assert.match(message, /cannot be used together/);
  });
});
