import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStore } from '../store/store.ts';
import type { StagecraftError } from '../util/errors.ts';
import { collectOrTell } from './collect.ts';

test('a store that cannot be made smaller is a problem to tell of, and no failure', {
  skip: process.getuid?.() === 0 ? false : 'needs to run as root',
}, async () => {
  const root = mkdtempSync(join(tmpdir(), 'stagecraft-collect-'));
  const store = openStore(root);
  try {
    const told: StagecraftError[] = [];
    const collect = (maxUsed?: number): Promise<void> =>
      collectOrTell(store, {
        ...(maxUsed !== undefined && { storageLimits: { maxUsed } }),
        onProblem: problem => told.push(problem),
      });
    await collect();
    await collect(1);
    assert.equal(told.length, 0);
    store.db.exec('DROP TABLE cache_records');
    await collect(1);
    assert.match(
      told.map(({ message }) => message).join(),
      /^The store was not made smaller\. .*cache_records/,
    );
  } finally {
    store.close();
    rmSync(root, { recursive: true, force: true });
  }
});
