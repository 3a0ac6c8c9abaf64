import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { holdIdMapping } from './id-mapping.ts';
import { openStore } from './store.ts';

const dir = mkdtempSync(join(tmpdir(), 'stagecraft-mapping-'));
const store = openStore(dir);
after(() => {
  store.close();
  rmSync(dir, { recursive: true });
});

test('a store with layers is refused where user ids mean others', () => {
  holdIdMapping(store);
  holdIdMapping(store);
  holdIdMapping(store, 'users 0 1000 1; groups 0 1000 1');
  store.prepare("INSERT INTO layers VALUES ('a', NULL, 0, 0)").run();
  holdIdMapping(store, 'users 0 1000 1; groups 0 1000 1');
  assert.throws(
    () => holdIdMapping(store, 'users 0 1000 1, 1 100000 65536; groups 0 1000 1, 1 100000 65536'),
    {
      code: 'unsupported',
      hint: /prune --all/,
    },
  );
  store.prepare('DELETE FROM layers').run();
  holdIdMapping(store);
});
