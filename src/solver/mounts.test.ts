import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CacheRecords } from '../cache/records.ts';
import type { CacheSharing, ExecOp, GraphVertex, Mount } from '../llb/index.ts';
import { openLayerStore } from '../snapshot/layer-store.ts';
import { LayerDigests } from '../source/layers.ts';
import { LocalTree } from '../source/local.ts';
import { openStore, type Store } from '../store/store.ts';
import { readCacheMount } from './cache-mount.ts';
import { type PreparedMounts, prepareMounts } from './mounts.ts';
import type { Output, StepContext } from './types.ts';

/** Milliseconds after which what waits for itself is given up. */
const patience = 5_000;

let directory: string;
let store: Store;
let context: StepContext;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'stagecraft-mounts-'));
  store = openStore(join(directory, 'store'));
  const layers = openLayerStore(store);
  const services = {
    ...{ store, layers, digests: new LayerDigests(layers), signal: AbortSignal.timeout(patience) },
    ...{ beforeWork: () => {}, lent: { secret: async () => undefined } },
  };
  context = { services, records: new CacheRecords(store, 0) } as unknown as StepContext;
});

afterEach(() => {
  store.close();
  rmSync(directory, { recursive: true });
});

function mountAt(dest: string, more: Partial<Mount>): Mount {
  return {
    ...{ type: 'bind', input: -1, selector: '', output: -1, readonly: false, resultId: '' },
    ...{ contentCache: 'default', dest },
    ...more,
  };
}

function cache(id: string, sharing: CacheSharing, dest = `/${id}`): Mount {
  return mountAt(dest, { type: 'cache', cache: { id, sharing } });
}

function prepare(mounts: Mount[], inputs: Output[] = []): Promise<PreparedMounts> {
  const vertex = { inputs: [] } as unknown as GraphVertex;
  return prepareMounts(vertex, { mounts, secretEnv: [] } as unknown as ExecOp, inputs, context);
}

suite('cache mounts of one step', () => {
  test('two steps that lock the same caches, in another order each, both get them', async () => {
    const step = async (...ids: string[]): Promise<void> => {
      const prepared = await prepare(ids.map(id => cache(id, 'locked')));
      prepared.release();
    };
    await Promise.all([step('a', 'b'), step('b', 'a')]);
  });

  test('a step may mount one locked cache at two places', async () => {
    const prepared = await prepare([cache('a', 'locked', '/one'), cache('a', 'locked', '/two')]);
    const [one, two] = prepared.mounts as { source: string }[];
    assert.equal(one?.source, two?.source);
    prepared.release();
    (await prepare([cache('a', 'locked')])).release();
  });

  test('one that a step has for itself is read when the step has ended, one that is shared at once', async () => {
    const { signal } = context.services;
    const read = (id: string, sharing: CacheSharing) =>
      readCacheMount({ name: id, id, sharing }, store, signal, () => {});
    const prepared = await prepare([cache('own', 'locked'), cache('all', 'shared')]);
    (await read('all', 'shared'))?.release();
    let isRead = false;
    const reading = read('own', 'locked').then(found => {
      isRead = true;
      found?.release();
      return found?.directory;
    });
    await sleep(100);
    assert.equal(isRead, false);
    prepared.release();
    assert.ok(existsSync(store.path('mounts', (await reading)!)));
    assert.equal(await read('none', 'locked'), undefined);
    // Nobody holds it any more.
    (await prepare([cache('own', 'locked')])).release();
  });
});

suite('a mounted build context', () => {
  test('a file that changes after the key was made of it makes a result that is not kept', async () => {
    const root = join(directory, 'context');
    mkdirSync(root);
    writeFileSync(join(root, 'file'), 'before');
    const tree = new LocalTree(root);
    await tree.contentDigest('/');
    writeFileSync(join(root, 'file'), 'behind');
    const prepared = await prepare([mountAt('/src', { input: 0, readonly: true })], [{ tree }]);
    prepared.release();
    tree.close();
    assert.equal(prepared.cacheable, false);
    assert.deepEqual(store.db.prepare('SELECT key FROM cache_records').all(), []);
  });
});
