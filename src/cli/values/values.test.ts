import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBytes } from './size.ts';
import { readAge } from './time.ts';

test('sizes are written as Docker takes them, in binary units', () => {
  assert.equal(readBytes('--shm-size', '64m'), 64 * 1024 * 1024);
  assert.equal(readBytes('--shm-size', '1.5GB'), 1.5 * 1024 ** 3);
  assert.equal(readBytes('--shm-size', '512KiB'), 512 * 1024);
  assert.equal(readBytes('--shm-size', '100'), 100);
  assert.throws(() => readBytes('--shm-size', 'much'), /"much" of --shm-size is not a size/);
});

test('a time is an age, a date or seconds since the epoch', () => {
  const now = Date.UTC(2026, 0, 2);
  assert.equal(readAge('until', '24h', now), Date.UTC(2026, 0, 1));
  assert.equal(readAge('until', '1h30m', now), now - 5_400_000);
  assert.equal(readAge('until', '2026-01-01', now), Date.UTC(2026, 0, 1));
  assert.equal(readAge('until', '1700000000', now), 1_700_000_000_000);
  assert.throws(() => readAge('until', 'yesterday', now), /is not a time/);
});
