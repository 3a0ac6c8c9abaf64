import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { withBusybox } from './support/busybox.ts';
import { needs } from './support/needs.ts';
import { Workspace } from './support/workspace.ts';

suite('stages', { skip: needs('busybox') }, () => {
  const work = new Workspace();

  test('a stage is named in any case, or by its number', async () => {
    const files = await work.files({
      ...withBusybox(`FROM busybox AS Compile
RUN echo compiled >/out
FROM compile AS second
RUN echo more >>/out
FROM scratch
COPY --from=compile /out /by-name
COPY --from=1 /out /by-number
COPY --from=SECOND /out /by-other-case
`),
    });
    assert.equal(readFileSync(join(files, 'by-name'), 'utf8'), 'compiled\n');
    assert.equal(readFileSync(join(files, 'by-number'), 'utf8'), 'compiled\n');
    assert.equal(readFileSync(join(files, 'by-other-case'), 'utf8'), 'compiled\nmore\n');
  });

  test('a stage goes on with the files, the user, the directory and the environment of the one it is from', async () => {
    const files = await work.files(
      withBusybox(`FROM busybox AS first
ENV GREETING=hello
WORKDIR /work
RUN echo one >file && chown 7:8 .
USER 7:8
FROM first AS second
RUN echo "$GREETING from $(pwd) as $(id -u):$(id -g) with $(cat file)" >said
FROM scratch
COPY --from=second /work/said /
`),
    );
    assert.equal(readFileSync(join(files, 'said'), 'utf8'), 'hello from /work as 7:8 with one\n');
  });

  test('only what the target reaches is run, or even looked for', async () => {
    const context = work.context(
      withBusybox(`FROM busybox AS never
RUN false
FROM nowhere.invalid/no/such:image AS missing
RUN true
FROM busybox AS wanted
RUN echo yes >/yes
FROM scratch AS after
COPY --from=never /bin /bin
FROM scratch
COPY --from=wanted /yes /yes
`),
    );
    const { steps } = await work.build(context);
    const stages = steps.map(({ name }) => name.replace(/^\[(\S+).*/, '$1'));
    assert.deepEqual([...new Set(stages)].sort(), ['busybox', 'stage-5', 'wanted']);
  });

  test('--target takes a name in any case, or a number', async () => {
    const context = work.context(
      withBusybox(`FROM scratch AS One
COPY one /
FROM scratch AS two
COPY two /
FROM one
RUN ["/nothing"]
`),
    );
    work.write(context, { one: '1', two: '2' });
    const one = await work.files(context, ['--target', 'oNE']);
    assert.ok(existsSync(join(one, 'one')) && !existsSync(join(one, 'two')));
    const two = await work.files(context, ['--target', '2']);
    assert.ok(existsSync(join(two, 'two')) && !existsSync(join(two, 'one')));
  });

  test('ARG before FROM chooses the base; inside a stage it must be asked for', async () => {
    const { Dockerfile, busybox } = withBusybox(`FROM busybox AS base-1
RUN echo first >/which
FROM busybox AS base-2
RUN echo second >/which
FROM base-$NUMBER AS chosen
RUN echo "[$NUMBER]" >/unasked
ARG NUMBER
RUN echo "[$NUMBER]" >/asked
FROM scratch
COPY --from=chosen /which /unasked /asked /
`);
    const context = work.context({ Dockerfile: `ARG NUMBER=1\n${Dockerfile}`, busybox });
    const read = (files: string): string[] =>
      ['which', 'unasked', 'asked'].map(name => readFileSync(join(files, name), 'utf8').trim());
    assert.deepEqual(read(await work.files(context)), ['first', '[]', '[1]']);
    assert.deepEqual(read(await work.files(context, ['--build-arg', 'NUMBER=2'])), ['second', '[]', '[2]']);
  });

  test('an image in the store serves as a base, and as a source of COPY', async () => {
    await work.build(
      withBusybox(`FROM busybox
ENV PLACE=store
RUN echo kept >/kept && mkdir -p /data/deep && echo file >/data/deep/file && ln -s deep/file /data/link
`),
      ['-t', 'base:1'],
    );
    const files = await work.files({
      Dockerfile: `FROM base:1 AS worker
RUN echo "from $PLACE" >/said && rm -r /data
FROM scratch
COPY --from=worker /said /kept /
COPY --from=base:1 /data /data
`,
    });
    assert.equal(readFileSync(join(files, 'said'), 'utf8'), 'from store\n');
    assert.equal(readFileSync(join(files, 'kept'), 'utf8'), 'kept\n');
    assert.equal(readFileSync(join(files, 'data/link'), 'utf8'), 'file\n');
  });

  test('stages that do not depend on each other run at the same time', async () => {
    // Each waits for what the other one writes: one after the other, the first would wait in vain.
    const meet = (own: string, other: string): string =>
      `RUN --mount=type=cache,id=meeting,target=/meeting \\
  touch /meeting/${own}; i=0; until [ -e /meeting/${other} ]; do i=$((i+1)); [ $i -lt 300 ] || exit 1; sleep 0.1; done`;
    await work.build(
      withBusybox(`FROM busybox AS left
${meet('left', 'right')}
FROM busybox AS right
${meet('right', 'left')}
FROM scratch
COPY --from=left /bin/busybox /left
COPY --from=right /bin/busybox /right
`),
    );
  });

  test('what two stages have in common runs once', async () => {
    const count = 'RUN --mount=type=cache,id=count,target=/count echo ran >>/count/log';
    const files = await work.files(
      withBusybox(`FROM busybox AS a
${count}
FROM busybox AS b
${count}
FROM busybox AS counted
COPY --from=a /bin/busybox /a
COPY --from=b /bin/busybox /b
RUN --mount=type=cache,id=count,target=/count cp /count/log /log
FROM scratch
COPY --from=counted /log /log
`),
    );
    assert.equal(readFileSync(join(files, 'log'), 'utf8'), 'ran\n');
  });

  test('ONBUILD waits for the build that stands on the image', async () => {
    const parent = withBusybox(`FROM busybox
ONBUILD COPY app /app
ONBUILD RUN echo "built $(cat /app)" >/built
`);
    const { steps } = await work.build(parent, ['-t', 'parent:1']);
    assert.ok(!steps.some(({ name }) => name.includes('/app')));
    const child = {
      Dockerfile: 'FROM parent:1 AS child\nFROM scratch\nCOPY --from=child /built /\n',
      app: 'it',
    };
    assert.equal(readFileSync(join(await work.files(child), 'built'), 'utf8'), 'built it\n');
  });
});
