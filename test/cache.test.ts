import assert from 'node:assert/strict';
import { readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { withBusybox } from './support/busybox.ts';
import { needs } from './support/needs.ts';
import { type Build, type Files, list, Workspace } from './support/workspace.ts';

/** The steps that were really done, by the part of their name after the brackets. */
function done(build: Build): string[] {
  return build.steps.filter(({ cached }) => !cached).map(({ name }) => name.replace(/^\[.*?\] /, ''));
}

suite('the cache', { skip: needs('busybox') }, () => {
  const work = new Workspace();
  const dockerfile = `FROM busybox AS builder
COPY src /src
RUN cat /src/* | tr a-z A-Z >/made
FROM busybox
COPY --from=builder /made /app
RUN cp /app /final
`;
  const project = {
    ...withBusybox(dockerfile),
    'src/a': 'a\n',
    'src/b': 'b\n',
    'README.md': 'read me',
  };

  test('a second build has nothing to do, in another process and in another directory', async () => {
    const first = await work.build(project, ['-t', 'app']);
    assert.equal(done(first).length, 6);
    const again = await work.build(work.context(project), ['-t', 'app']);
    assert.deepEqual(done(again), []);
  });

  test('comments, times and files that no COPY reads cost nothing', async () => {
    const context = work.context(project);
    await work.build(context);
    work.write(context, {
      'README.md': 'changed',
      new: 'new',
      Dockerfile: `# a new comment\n${project.Dockerfile.replace('COPY --from', '\n# another\ncopy   --from')}`,
    });
    utimesSync(join(context, 'src/a'), 12345, 12345);
    assert.deepEqual(done(await work.build(context)), []);
  });

  test('a step that mounts a directory depends on what is in it, even if it may write there for itself', async () => {
    for (const mount of ['type=bind', 'type=bind,rw', 'type=cache']) {
      const context = work.context({
        ...project,
        Dockerfile: withBusybox(`FROM busybox AS builder
COPY src /src
RUN mkdir /out && cp /src/a /out/a
FROM busybox
RUN --mount=${mount},from=builder,source=/out,target=/m cat /m/a >/final
`).Dockerfile,
      });
      await work.build(context);
      work.write(context, { 'src/b': `${mount} changed\n` });
      assert.deepEqual(done(await work.build(context)), [
        'COPY src /src',
        'RUN mkdir /out && cp /src/a /out/a',
      ]);
    }
  });

  test('a changed file runs again what reads it, and nothing before', async () => {
    const context = work.context(project);
    await work.build(context);
    work.write(context, { 'src/a': 'changed\n' });
    assert.deepEqual(done(await work.build(context)), [
      'COPY src /src',
      'RUN cat /src/* | tr a-z A-Z >/made',
      'COPY --from=builder /made /app',
      'RUN cp /app /final',
    ]);
  });

  test('a changed mode is a change, a new name is a change, a file that goes is a change', async () => {
    const context = work.context({ Dockerfile: 'FROM scratch\nCOPY src /src\n', 'src/a': 'a', 'src/b': 'b' });
    await work.build(context);
    const changes: Files[] = [
      { 'src/a': { content: 'a', mode: 0o600 } },
      { 'src/c': 'b' },
      { 'src/d': { link: 'a' } },
    ];
    for (const files of changes) {
      work.write(context, files);
      assert.deepEqual(done(await work.build(context)), ['COPY src /src']);
    }
  });

  test('a builder that ran again but made the same file costs nothing after it', async () => {
    const context = work.context(project);
    await work.build(context);
    // The same text in other files.
    work.write(context, { 'src/a': 'a\nb\n', 'src/b': '' });
    assert.deepEqual(done(await work.build(context)), [
      'COPY src /src',
      'RUN cat /src/* | tr a-z A-Z >/made',
    ]);
  });

  test('a build argument is part of the steps that may read it', async () => {
    const context = work.context(
      withBusybox(
        'FROM busybox\nRUN echo before >/before\nARG V=1\nRUN echo $V >/v\nRUN echo after >/after\n',
      ),
    );
    await work.build(context);
    assert.deepEqual(done(await work.build(context, ['--build-arg', 'V=2'])).length, 2);
    assert.deepEqual(done(await work.build(context, ['--build-arg', 'V=1'])), []);
  });

  test('--no-cache runs all, --no-cache-filter the stages it names', async () => {
    const context = work.context(project);
    await work.build(context);
    assert.equal(done(await work.build(context, ['--no-cache'])).length, 6);
    const filtered = done(await work.build(context, ['--no-cache-filter', 'BUILDER']));
    assert.ok(filtered.includes('RUN cat /src/* | tr a-z A-Z >/made'));
    assert.ok(!filtered.includes('RUN ["/bin/busybox", "--install", "-s", "/bin"]'));
    assert.ok(!filtered.includes('RUN cp /app /final'));
  });

  test('a failed step is tried again, what came before it is not', async () => {
    const context = work.context(
      withBusybox(
        'FROM busybox\nRUN echo good >/good\nRUN --mount=type=secret,id=s cat /run/secrets/s >/dev/null\n',
      ),
    );
    assert.equal((await work.tryBuild(context)).code, 1);
    work.write(work.directory, { secret: 's' });
    const second = await work.build(context, ['--secret', `id=s,src=${work.path('secret')}`]);
    assert.deepEqual(done(second), ['RUN --mount=type=secret,id=s cat /run/secrets/s >/dev/null']);
  });

  test('builds at once in one store share their work and all succeed', async () => {
    const shared = withBusybox(`FROM busybox AS slow
RUN --mount=type=cache,id=shared-log,target=/l echo ran >>/l/log; sleep 1; echo slow >/slow
FROM busybox
COPY --from=slow /slow /slow
ARG WHO
RUN echo $WHO >/who
`);
    const builds = Array.from({ length: 4 }, (_, n) =>
      work.build(shared, ['-t', `shared:${n}`, '--build-arg', `WHO=${n}`]),
    );
    await Promise.all(builds);
    const files = await work.files(
      withBusybox(`FROM busybox AS look
RUN --mount=type=cache,id=shared-log,target=/l cp /l/log /log
FROM scratch
COPY --from=look /log /
COPY --from=shared:0 /who /0
COPY --from=shared:3 /who /3
`),
    );
    assert.equal(readFileSync(join(files, 'log'), 'utf8'), 'ran\n', 'the common step ran once');
    assert.equal(readFileSync(join(files, '0'), 'utf8') + readFileSync(join(files, '3'), 'utf8'), '0\n3\n');
  });

  test('prune beside a running build takes nothing from it', async () => {
    const context = work.context(
      withBusybox(
        'FROM busybox AS long\nRUN echo 1 >/1; sleep 1\nRUN echo 2 >/2; sleep 1\nFROM scratch\nCOPY --from=long /1 /2 /\n',
      ),
    );
    const running = work.build(context, ['-o', work.path('pruned-beside')]);
    for (let round = 0; round < 4; round++) await work.ok('prune', '--all', '--force');
    await running;
    assert.deepEqual(list(work.path('pruned-beside')), ['1', '2']);
  });

  test('after prune --all an image still serves as a base', async () => {
    await work.build(withBusybox('FROM busybox\nRUN echo kept >/kept\n'), ['-t', 'kept']);
    await work.ok('prune', '--all', '--force');
    assert.deepEqual(list(work.path('store', 'ingest')), []);
    const files = await work.files({ Dockerfile: 'FROM scratch\nCOPY --from=kept /kept /\n' });
    assert.deepEqual(list(files), ['kept']);
  });
});
