import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { draftPath } from './drafts.ts';

test('a draft of a process that is gone makes room for that of a living one, others stay', t => {
  const directory = mkdtempSync(join(tmpdir(), 'stagecraft-drafts-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'image.tar');
  const own = draftPath(path);
  const { pid } = spawnSync('true');
  const dead = own.replace(/\d+\.tmp$/, `${pid}.tmp`);
  const alive = own.replace(/\d+\.tmp$/, '1.tmp');
  const elsewhere = dead.replace(/\.[0-9a-f]{8}-/, '.00000000-');
  const another = dead.replace('image.tar', 'other.tar');
  for (const each of [own, dead, alive, elsewhere, another]) writeFileSync(each, '');
  assert.equal(draftPath(path), own);
  assert.deepEqual(
    readdirSync(directory).sort(),
    [own, alive, elsewhere, another].map(each => basename(each)).sort(),
  );
});
