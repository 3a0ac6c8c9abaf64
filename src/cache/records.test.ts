import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { takeLease } from '../store/leases.ts';
import { pruneStore } from '../store/prune.ts';
import { openStore } from '../store/store.ts';
import { digestOf } from '../util/digest.ts';
import { CacheRecords } from './records.ts';

const dir = mkdtempSync(join(tmpdir(), 'stagecraft-records-'));
const store = openStore(dir);
after(() => {
  store.close();
  rmSync(dir, { recursive: true });
});

for (const id of ['base', 'made']) store.prepare('INSERT INTO layers VALUES (?, NULL, 0, 0)').run(id);
const [byDefinition, byContent] = [digestOf('definition'), digestOf('content')];
const record = {
  canonical: byContent,
  outputs: [['base', 'made'], null],
  description: 'RUN make',
  durationMs: 12.3,
};

test('a result is found under each of its keys, by a later process too', () => {
  new CacheRecords(store, 0).save([byDefinition, byContent], record);
  const later = new CacheRecords(store, Date.now() + 1);
  for (const key of [byDefinition, byContent]) {
    const { createdAt, ...found } = later.find(key)!;
    assert.deepEqual(found, { canonical: byContent, outputs: [['base', 'made'], null] });
    assert.ok(Math.abs(createdAt - Date.now()) < 60_000);
  }
});

test('an alias leads to the same result', () => {
  const records = new CacheRecords(store, 0);
  records.alias(digestOf('another compiler run'), byContent);
  assert.equal(records.find(digestOf('another compiler run'))?.canonical, byContent);
});

test('a record whose layers were collected is no record', () => {
  store.prepare('DELETE FROM layers WHERE id = ?').run('made');
  assert.equal(new CacheRecords(store, 0).find(byContent), undefined);
  assert.equal(store.prepare('SELECT * FROM cache_records WHERE key = ?').get(byContent), undefined);
});

test('what a build found stays until it ends, though another build puts a new result in its place', async () => {
  for (const id of ['old', 'new', 'newer'])
    store.prepare('INSERT INTO layers VALUES (?, NULL, 0, 0)').run(id);
  const key = digestOf('rebuilt');
  const ofLayer = (id: string) => ({ ...record, canonical: key, outputs: [[id]] });
  new CacheRecords(store, 0).save([key], ofLayer('old'));
  const lease = takeLease(store);
  const found = new CacheRecords(store, Date.now()).find(key);
  assert.deepEqual(found?.outputs, [['old']]);
  const other = new CacheRecords(store, Date.now());
  other.save([key], ofLayer('new'));
  other.save([digestOf('content')], ofLayer('newer'));
  other.alias(key, digestOf('content'));
  await pruneStore(store);
  const left = store.prepare("SELECT id FROM layers WHERE id IN ('old', 'new') ORDER BY id").all();
  assert.deepEqual(
    left.map(({ id }) => id),
    ['new', 'old'],
  );
  lease.release();
});
