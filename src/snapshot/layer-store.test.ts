import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { recoverLayers } from './layer-store.ts';
import { describeMounted, describeTree, directory, noMounts, openWorkshop, plain } from './testing.ts';
import type { RootFs } from './types.ts';

const workshop = openWorkshop();
const { layers, store } = workshop;

function layerWith(path: string, below: RootFs = []): RootFs {
  return workshop.add(below, writer => writer.putFile(path, { data: Buffer.from(path) }, plain));
}

test('a draft becomes a layer in one step, or leaves nothing', () => {
  const before = readdirSync(store.path('layers'));
  const draft = layers.create();
  writeFileSync(join(draft.dir, 'file'), 'content');
  assert.deepEqual(readdirSync(store.path('layers')), before);
  const id = draft.commit();
  assert.ok(layers.has(id));
  assert.ok(existsSync(join(layers.dir(id), 'file')));
  const other = layers.create();
  writeFileSync(join(other.dir, 'file'), 'content');
  other.discard();
  assert.deepEqual(readdirSync(store.path('ingest')), []);
  assert.throws(() => draft.commit(), /before/);
});

test('layers have short names of their own, also when many are made at once', () => {
  const ids = Array.from({ length: 50 }, () => layers.create().commit());
  assert.equal(new Set(ids).size, 50);
  for (const id of ids) assert.match(id, /^[0-9a-z]{7}$/);
  for (const id of ids) layers.remove(id);
});

test('a removed layer is gone from disk and records', () => {
  const [id] = layerWith('/a');
  layers.remove(id!);
  assert.equal(layers.has(id!), false);
  assert.equal(existsSync(layers.dir(id!)), false);
  assert.throws(() => layers.view([id!]), { code: 'not-found', message: new RegExp(id!) });
  assert.deepEqual(readdirSync(store.path('ingest')), []);
});

test("recovery removes what dead processes left, and nothing of a living one's", () => {
  const mine = layers.create();
  const code = `
    const { openStore } = await import('./src/store/store.ts');
    const { openLayerStore } = await import('./src/snapshot/layer-store.ts');
    const draft = openLayerStore(openStore(process.argv[1])).create();
    (await import('node:fs')).writeFileSync(draft.dir + '/file', 'half written');
    process.kill(process.pid, 'SIGKILL');`;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', code, store.root], {
    encoding: 'utf8',
  });
  assert.equal(run.signal, 'SIGKILL', run.stderr);
  mkdirSync(store.path('layers', 'orphan', 'fs'), { recursive: true });
  store.prepare('INSERT INTO layers VALUES (?, NULL, 0, 0)').run('ghost');
  const [kept] = layerWith('/kept');
  assert.equal(readdirSync(store.path('ingest')).length, 2);
  recoverLayers(store);
  assert.equal(readdirSync(store.path('ingest')).length, 1);
  assert.ok(existsSync(mine.dir));
  mine.discard();
  assert.equal(existsSync(store.path('layers', 'orphan')), false);
  assert.equal(store.prepare("SELECT 1 FROM layers WHERE id = 'ghost'").get(), undefined);
  assert.ok(layers.has(kept!));
});

test('the size of a layer is what it takes on disk', () => {
  const rootFs = workshop.add([], writer =>
    writer.putFile('/big', { data: Buffer.alloc(1 << 20, 'x') }, plain),
  );
  const size = layers.size(rootFs[0]!);
  assert.ok(size >= 1 << 20 && size < 2 << 20, String(size));
  assert.equal(layers.size(rootFs[0]!), size);
});

test('a draft to be mounted has the root of what lies below', () => {
  const base = workshop.add([], writer => writer.setMetadata('/', { mode: 0o711, uid: 5, gid: 6 }));
  const draft = layers.create(base);
  const id = draft.commit();
  const root = layers.view([...base, id]).lstat('/')!;
  assert.deepEqual([root.mode, root.uid, root.gid], [0o711, 5, 6]);
});

test('a root file system deeper than a mount can be is mounted all the same', () => {
  let rootFs: RootFs = [];
  for (let index = 0; index < 420; index++) {
    const draft = layers.create();
    const writer = layers.writer(draft, []);
    writer.putDirectory('/d', { ...directory, mtimeNs: BigInt(index) * 1_000_000_000n });
    writer.putFile(`/d/${index % 300}`, { data: Buffer.from(String(index)) }, plain);
    rootFs = [...rootFs, draft.commit()];
  }
  const dirs = layers.mountDirs(rootFs);
  assert.ok(dirs.length <= 300);
  assert.deepEqual(layers.mountDirs(rootFs), dirs, 'merged once');
  const another = layers.create();
  assert.equal(
    layers.mountDirs([...rootFs, another.commit()])[0],
    dirs[0],
    'the merge serves the next step too',
  );
  if (noMounts === false)
    assert.deepEqual(describeMounted(dirs, workshop.dir), describeTree(layers.view(rootFs)));
});
