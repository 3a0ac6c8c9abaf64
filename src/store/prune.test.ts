import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { digestHex, digestOf } from '../util/digest.ts';
import { blobsOf } from './blobs.ts';
import { putImage } from './fixture.ts';
import { dropNames, nameImage } from './images.ts';
import { inspectImage } from './inspect.ts';
import { takeLease } from './leases.ts';
import { pruneStore } from './prune.ts';
import { openStore, type Store } from './store.ts';
import { measureStore } from './usage.ts';

const dir = mkdtempSync(join(tmpdir(), 'stagecraft-prune-'));
const stores: Store[] = [];
after(() => {
  for (const store of stores) store.close();
  rmSync(dir, { recursive: true });
});

function newStore(): Store {
  const store = openStore(join(dir, String(stores.length)));
  stores.push(store);
  return store;
}

const longAgo = 1_000_000;

/** Makes everything look as if no process had used it for years. */
function age(store: Store): void {
  for (const name of readdirSync(store.path('blobs/sha256')))
    utimesSync(store.path('blobs/sha256', name), longAgo / 1000, longAgo / 1000);
  for (const table of ['layers', 'cache_records', 'cache_mounts'])
    store.db.exec(`UPDATE ${table} SET last_used_at = ${longAgo}`);
  store.db.exec(`UPDATE images SET created_at = ${longAgo}`);
}

function addLayer(store: Store, id: string, size = 10): void {
  mkdirSync(store.path('layers', id, 'fs'), { recursive: true });
  writeFileSync(store.path('layers', id, 'fs/file'), 'x'.repeat(size));
  store.prepare('INSERT INTO layers VALUES (?, NULL, ?, ?)').run(id, longAgo, longAgo);
}

function addRecord(store: Store, key: string, layers: string[], usedAt = longAgo): void {
  store
    .prepare('INSERT INTO cache_records VALUES (?, ?, ?, ?, 1, ?, ?)')
    .run(key, key, JSON.stringify([layers, null]), 'RUN true', usedAt, usedAt);
}

const layersOf = (store: Store): string[] => readdirSync(store.path('layers')).sort();
/** Directories are judged by a time that cannot be set back, so these tests wait until they are old enough. */
const aWhile = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 120));

test('what images and cache records need stays, the rest goes', async () => {
  const store = newStore();
  const blobs = blobsOf(store);
  nameImage(store, putImage(store, 'kept'), ['docker.io/library/kept:1']);
  nameImage(store, putImage(store, 'dropped'), ['docker.io/library/dropped:1']);
  nameImage(store, putImage(store, 'untagged'), []);
  dropNames(store, ['docker.io/library/dropped:1']);
  const packed = blobs.put('packed layer');
  for (const id of ['used', 'orphan']) addLayer(store, id);
  mkdirSync(store.path('layers/left-by-a-crash'));
  writeFileSync(store.path('ingest/blob-half'), 'half');
  addRecord(store, 'key', ['used']);
  store
    .prepare("INSERT INTO layer_blobs VALUES ('used', 'gzip', ?, ?, 12, 't')")
    .run(packed.digest, packed.digest);
  age(store);
  await aWhile();
  const pruned = await pruneStore(store);
  assert.deepEqual(layersOf(store), ['used']);
  assert.ok(blobs.has(digestOf('kept')) && blobs.has(packed.digest));
  assert.ok(!blobs.has(digestOf('dropped')) && !blobs.has(digestOf('untagged')));
  assert.deepEqual(readdirSync(store.path('ingest')), []);
  assert.equal(inspectImage(store, 'kept:1').RepoTags[0], 'kept:1');
  assert.equal(pruned.images, 1);
  assert.equal(pruned.layers, 2);
  assert.ok(pruned.freed > 0);
});

test('what a living process uses stays, although nothing refers to it yet', async () => {
  const store = newStore();
  const blobs = blobsOf(store);
  const old = blobs.put('found again');
  addLayer(store, 'old');
  addLayer(store, 'found');
  age(store);
  const lease = takeLease(store);
  const fresh = blobs.put('just written');
  blobs.use(old.digest);
  store.prepare('UPDATE layers SET last_used_at = ? WHERE id = ?').run(Date.now(), 'found');
  mkdirSync(store.path('ingest/draft'));
  nameImage(store, putImage(store, 'being built'), []);
  await aWhile();
  await pruneStore(store, { all: true });
  assert.ok(blobs.has(fresh.digest) && blobs.has(old.digest) && blobs.has(digestOf('being built')));
  assert.deepEqual(readdirSync(store.path('ingest')), ['draft']);
  assert.ok(layersOf(store).includes('found'));
  lease.release();
  age(store);
  await aWhile();
  await pruneStore(store, { all: true });
  assert.ok(!blobs.has(fresh.digest) && !blobs.has(digestOf('being built')));
  assert.deepEqual(layersOf(store), []);
});

test('--all takes the build cache too, and unpacked base images, but no named image', async () => {
  const store = newStore();
  nameImage(store, putImage(store, 'base'), ['docker.io/library/base:1']);
  for (const id of ['cached', 'unpacked']) addLayer(store, id);
  addRecord(store, 'key', ['cached']);
  store.prepare("INSERT INTO unpacked_layers VALUES (?, 'unpacked')").run(digestOf('base'));
  mkdirSync(store.path('mounts/npm'));
  store.prepare("INSERT INTO cache_mounts VALUES ('npm', 'npm', 0, 0)").run();
  age(store);
  await aWhile();
  await pruneStore(store);
  assert.deepEqual(layersOf(store), ['cached', 'unpacked']);
  assert.deepEqual(readdirSync(store.path('mounts')), ['npm']);
  const pruned = await pruneStore(store, { all: true });
  assert.deepEqual(layersOf(store), []);
  assert.deepEqual(readdirSync(store.path('mounts')), []);
  assert.deepEqual([pruned.cacheRecords, pruned.cacheMounts], [1, 1]);
  assert.ok(blobsOf(store).has(digestOf('base')));
});

test('until spares what was used since', async () => {
  const store = newStore();
  for (const id of ['old', 'recent']) addLayer(store, id);
  addRecord(store, 'old', ['old'], 1000);
  addRecord(store, 'recent', ['recent'], 3000);
  await aWhile();
  const pruned = await pruneStore(store, { until: 2000 });
  assert.equal(pruned.cacheRecords, 1);
  assert.deepEqual(layersOf(store), ['recent']);
});

test('keepStorage takes the cache that was not used for longest, and no more than it must', async () => {
  const store = newStore();
  for (const [id, at] of [
    ['a', 1000],
    ['b', 2000],
    ['c', 3000],
  ] as const) {
    addLayer(store, id, 1 << 20);
    addRecord(store, id, [id], at);
  }
  addRecord(store, 'also a', ['a'], 4000);
  await aWhile();
  await pruneStore(store, { keepStorage: 2_500_000 });
  // The record `a` went first, but its layer has another user.
  assert.deepEqual(layersOf(store), ['a', 'c']);
  await pruneStore(store, { keepStorage: 1 << 30 });
  assert.deepEqual(layersOf(store), ['a', 'c']);
});

test('what was fetched over the network stays until --all or its time', async () => {
  const store = newStore();
  for (const directory of ['downloads', 'repositories/r', 'checkouts/c/fs'])
    mkdirSync(store.path(directory), { recursive: true });
  const known = digestOf('known');
  for (const [directory, name] of [
    ['downloads', digestHex(known)],
    ['downloads', digestHex(digestOf('unknown'))],
    ['repositories', 'known_hosts'],
    ['checkouts/c/fs', 'file'],
  ] as const)
    writeFileSync(store.path(directory, name), 'x'.repeat(10_000));
  store.prepare('INSERT INTO downloads VALUES (?, ?, NULL, NULL, NULL, 0)').run('request', known);
  const usage = new Map((await measureStore(store)).map(each => [each.kind, each]));
  assert.deepEqual([usage.get('downloads')!.count, usage.get('repositories')!.count], [2, 1]);
  assert.ok(usage.get('repositories')!.size >= 10_000);

  const before = Date.now();
  await aWhile();
  const left = (): string[] =>
    ['downloads', 'repositories', 'checkouts'].flatMap(directory => readdirSync(store.path(directory)));
  await pruneStore(store);
  assert.deepEqual(left(), [digestHex(known), 'known_hosts', 'r', 'c']);
  await pruneStore(store, { until: before - 1_000 });
  assert.deepEqual(left(), [digestHex(known), 'known_hosts', 'r', 'c']);
  await pruneStore(store, { until: Date.now() });
  assert.deepEqual(left(), ['known_hosts']);
  assert.equal(store.db.prepare('SELECT count(*) AS count FROM downloads').get()!.count, 0);
});

test('usage tells what there is and what would be freed', async () => {
  const store = newStore();
  nameImage(store, putImage(store, 'image'), ['docker.io/library/image:1']);
  addLayer(store, 'orphan', 100_000);
  const usage = new Map((await measureStore(store)).map(each => [each.kind, each]));
  assert.deepEqual([usage.get('images')!.count, usage.get('images')!.reclaimable], [1, 0]);
  assert.ok(usage.get('layers')!.size >= 100_000);
  assert.equal(usage.get('layers')!.reclaimable, usage.get('layers')!.size);
});
