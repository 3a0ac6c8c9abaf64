import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, fixed } from '../testing.ts';
import { aptListsLeft as rule } from './apt-lists-left.ts';

const of = (run: string) => check(rule, `FROM debian:12\n${run}\n`);

test('Lists that stay in the layer are found', async () => {
  assert.deepEqual(await of('RUN apt-get update && apt-get install -y curl'), [
    '2:5 "apt-get update" leaves the package lists in the layer; remove /var/lib/apt/lists in the same RUN',
  ]);
  for (const run of [
    'RUN apt-get -qq update',
    'RUN apt update; apt install curl',
    'RUN apt-get update && apt-get install -y curl && apt-get clean',
    'RUN apt-get update && rm -rf /tmp/*',
    'RUN --mount=type=cache,target=/var/cache/apt apt-get update && apt-get install curl',
    // A later layer hides the lists; they stay in the one before.
    'RUN apt-get update\nRUN rm -rf /var/lib/apt/lists/*',
  ])
    assert.equal((await of(run)).length, 1, run);
});

test('Lists that are removed, or kept in a mount, are fine', async () => {
  for (const run of [
    'RUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*',
    'RUN apt-get update && apt-get install -y curl && rm -r /var/lib/apt/lists /var/cache/apt/*',
    'RUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt /tmp/x',
    'RUN apt-get update && rm -rf /var/lib/{apt,dpkg}/',
    'RUN apt-get update && find /var/lib/apt/lists -type f -delete',
    'RUN apt-get update && apt-get install -y curl && apt-get dist-clean',
    'RUN --mount=type=cache,target=/var/lib/apt,sharing=locked apt-get update',
    'RUN --mount=type=cache,target=/var/lib/apt/lists/ apt-get update',
    'RUN --mount=type=tmpfs,target=/var/lib/apt/lists apt-get update',
    'RUN apt-get install -y curl',
    'RUN <<EOF\nset -e\napt-get update\napt-get install -y curl\nrm -rf /var/lib/apt/lists/*\nEOF',
  ])
    assert.deepEqual(await of(run), [], run);
});

test('In a stage that is thrown away lists cost nothing', async () => {
  assert.deepEqual(
    await check(rule, 'FROM debian:12 AS a\nRUN apt-get update\nFROM scratch\nCOPY --from=a /x /x\n'),
    [],
  );
});

test('The fix removes them right after the last use', async () => {
  assert.equal(
    await fixed(
      rule,
      'FROM debian:12\nRUN apt-get update \\\n && apt-get install -y curl \\\n && curl -o /x x\n',
    ),
    'FROM debian:12\nRUN apt-get update \\\n && apt-get install -y curl && rm -rf /var/lib/apt/lists/* \\\n && curl -o /x x\n',
  );
});
