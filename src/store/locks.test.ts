import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { acquireLock, tryLock } from './locks.ts';
import { openStore } from './store.ts';

const dir = mkdtempSync(join(tmpdir(), 'stagecraft-locks-'));
const store = openStore(dir);
after(() => {
  store.close();
  rmSync(dir, { recursive: true });
});

test('a lock is held by one at a time and waited for', async () => {
  const first = await acquireLock(store, 'npm cache');
  assert.equal(tryLock(store, 'npm cache'), undefined);
  const second = acquireLock(store, 'npm cache');
  first.release();
  (await second).release();
});

test('a lock of a dead process is taken over', () => {
  store.prepare("INSERT INTO locks VALUES ('left behind', 1, 1, 'another boot')").run();
  const lock = tryLock(store, 'left behind');
  assert.ok(lock);
  lock.release();
});

test('waiting for a lock ends with the signal', async () => {
  const held = await acquireLock(store, 'busy');
  const controller = new AbortController();
  const waiting = acquireLock(store, 'busy', controller.signal);
  controller.abort();
  await assert.rejects(waiting, { name: 'AbortError' });
  const reason = new Error('enough');
  await assert.rejects(acquireLock(store, 'free', AbortSignal.abort(reason)), reason);
  held.release();
});
