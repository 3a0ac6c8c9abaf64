import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStore } from '../store/store.ts';
import { collectWithin } from './collect.ts';

test('a store that cannot be made smaller is a problem to tell of, and no failure', {
  skip: process.getuid?.() === 0 ? false : 'needs to run as root',
}, async () => {
  const root = mkdtempSync(join(tmpdir(), 'stagecraft-collect-'));
  const store = openStore(root);
  try {
    const { signal } = new AbortController();
    assert.equal(await collectWithin(store, undefined, signal), undefined);
    assert.equal(await collectWithin(store, { maxUsed: 1 }, signal), undefined);
    store.db.exec('DROP TABLE cache_records');
    const problem = await collectWithin(store, { maxUsed: 1 }, signal);
    assert.match(problem!.message, /^The store was not made smaller\. .*cache_records/);
  } finally {
    store.close();
    rmSync(root, { recursive: true, force: true });
  }
});
