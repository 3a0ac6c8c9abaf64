import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatPlatform, hostPlatform } from '../image/platform.ts';
import { makesIndex, platformsOf } from './planning.ts';

const host = formatPlatform(hostPlatform());
const foreign = host === 'linux/arm64' ? 'linux/amd64' : 'linux/arm64';

test('platforms are taken in their order, each once, however they are spelled', () => {
  const names = (...platforms: string[]) =>
    platformsOf({ context: '.', platforms }).map(each => formatPlatform(each));
  assert.deepEqual(names(), [host]);
  assert.deepEqual(names('local', foreign, host), [host, foreign]);
  assert.deepEqual(names('linux/x86_64', 'aarch64', 'linux/amd64'), ['linux/amd64', 'linux/arm64']);
  assert.throws(() => names('linux/amd64', ''), { code: 'usage' });
});

test('several platforms make an index, one does where BUILDKIT_MULTI_PLATFORM says so', () => {
  const index = (platforms: string[], value?: string) =>
    makesIndex({
      context: '.',
      platforms,
      ...(value !== undefined && { buildArgs: { BUILDKIT_MULTI_PLATFORM: value } }),
    });
  assert.equal(index([]), false);
  assert.equal(index([foreign]), false);
  assert.equal(index([host, 'local']), false);
  assert.equal(index([host, foreign]), true);
  assert.equal(index([], '1'), true);
  assert.equal(index([foreign], 'true'), true);
  assert.equal(index([foreign], 'false'), false);
  assert.equal(index([host, foreign], ''), true);
  assert.throws(() => index([host, foreign], '0'), { code: 'usage' });
  assert.throws(() => index([], 'perhaps'), { code: 'usage', message: /neither true nor false/ });
});
