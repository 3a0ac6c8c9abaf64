import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../testing.ts';
import { unusedStage as rule } from './unused-stage.ts';

test('A stage that nothing uses is found', async () => {
  const text = 'FROM debian:12 AS assets\nRUN a\nFROM debian:12\nRUN b\nFROM debian:12\n';
  assert.deepEqual(await check(rule, text), [
    '1:1 Nothing uses stage "assets"; remove it, or say what it is for in a comment "# assets ..." above its FROM',
    '3:1 Nothing uses stage number 1, and it has no name to build it by; remove it',
  ]);
});

test('Stages are used by FROM, COPY, RUN, by name or number', async () => {
  const text = `FROM debian:12 AS a
FROM debian:12 AS b
FROM debian:12
FROM a
COPY --from=2 /x /x
RUN --mount=type=bind,from=b,target=/m ls
`;
  assert.deepEqual(await check(rule, text), []);
});

test('What is there to be built for itself is no mistake', async () => {
  for (const name of ['test', 'unit-tests', 'lint', 'dev', 'release', 'binaries', 'prod_debug'])
    assert.deepEqual(await check(rule, `FROM debian:12 AS ${name}\nFROM debian:12\n`), [], name);
  assert.deepEqual(
    await check(rule, '# assets for the web site\nFROM debian:12 AS assets\nFROM debian:12\n'),
    [],
  );
  const request = { target: 'assets' };
  assert.deepEqual(await check(rule, 'FROM debian:12 AS assets\nRUN a\nFROM debian:12\n', { request }), []);
});

test('What a variable in FROM may name is used', async () => {
  const text = `FROM debian:12 AS get-arm64\nRUN a\nFROM debian:12 AS get-amd64\nRUN a\nFROM get-\${TARGETARCH} AS x\nFROM x\n`;
  assert.deepEqual(await check(rule, text), []);
  assert.equal((await check(rule, text.replace('get-arm64', 'other-arm64'))).length, 1);
});

test('Where one stage is there to be built by its name, others are', async () => {
  const text =
    'FROM debian:12 AS lint\nRUN a\nFROM debian:12 AS gopls-analyze\nRUN b\nFROM debian:12\nRUN c\nFROM debian:12\n';
  assert.deepEqual(await check(rule, text), [
    '5:1 Nothing uses stage number 2, and it has no name to build it by; remove it',
  ]);
  const versions = 'FROM python:3.13 AS python\nFROM node:26 AS node\nFROM debian:12\n';
  assert.deepEqual(await check(rule, versions), []);
});
