import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings, imageOf } from '../testing.ts';
import { packageCacheInImage as rule } from './package-cache-in-image.ts';

const big = Buffer.alloc(1_500_000);

test('What package managers left is told with its place and size, at the RUN that left it', async () => {
  const text = 'FROM a:1\nRUN ./get apt\nRUN npm ci\n';
  const tree = {
    'var/lib/apt/lists/mirror_Packages': Buffer.alloc(70_000),
    'var/lib/apt/lists/partial/x': Buffer.alloc(10_000),
    'root/.npm/_cacache/content/a': big,
    'home/app/.npm/_cacache/content/a': big,
  };
  assert.deepEqual(await findings(rule, await imageOf(text, tree)), [
    '2:1 /var/lib/apt/lists holds 80.0 kB of package lists; remove them in the RUN that fetched them',
    "3:1 /root/.npm/_cacache holds 1.5 MB of npm's cache; give it a RUN --mount=type=cache, or remove it in the same RUN",
    "3:1 /home/app/.npm/_cacache holds 1.5 MB of npm's cache; give it a RUN --mount=type=cache, or remove it in the same RUN",
  ]);
});

test('What the text told already is not told again', async () => {
  const tree = { 'var/lib/apt/lists/x': big };
  assert.deepEqual(await findings(rule, await imageOf('FROM a:1\nRUN apt-get update\n', tree)), []);
});

test('Little, what the base brought, and caches that are there to be used are fine', async () => {
  const none = async (text: string, tree: Record<string, string | Buffer>) =>
    assert.deepEqual(await findings(rule, await imageOf(text, tree)), []);
  await none('FROM a:1\nRUN apt-get update\n', {
    'var/lib/apt/lists/lock': '',
    'var/cache/apt/pkgcache.bin': 'x',
  });
  await none('FROM a:1\nRUN make\n', { 'var/lib/apt/lists/x': big });
  await none('FROM a:1\nRUN npx playwright install\n', { 'root/.cache/ms-playwright/chromium': big });
});
