import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { DeviceRegistry } from '../cdi/registry.ts';
import { file, image, marshal, type Tree } from '../llb/index.ts';
import { openLayerStore } from '../snapshot/layer-store.ts';
import { LayerDigests } from '../source/layers.ts';
import { openStore, type Store } from '../store/store.ts';
import { digestOf } from '../util/digest.ts';
import { readRights } from './rights.ts';
import { solve } from './solver.ts';
import type { SolverServices } from './types.ts';

let directory: string;
let store: Store;
let services: SolverServices;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'stagecraft-solver-'));
  store = openStore(join(directory, 'store'));
  const layers = openLayerStore(store);
  services = {
    ...{ store, layers, digests: new LayerDigests(layers), since: 0, jobs: 2 },
    ...{
      ambient: { mounts: [], env: [] },
      rights: readRights([]),
      devices: async () => new DeviceRegistry([]),
      progress: () => {},
    },
    signal: new AbortController().signal,
    beforeWork: () => {},
    lent: { secret: async () => undefined, sshAgent: async () => undefined },
    sandbox: async () => assert.fail('nothing is to be run here'),
    resolveSource: async identifier => ({
      key: digestOf(identifier),
      origin: identifier,
      load: async () => ({ rootFs: [] }),
    }),
  };
});

afterEach(() => {
  store.close();
  rmSync(directory, { recursive: true });
});

const made = (ignoreCache = false): Tree =>
  file(image('base'), [{ do: 'mkfile', path: '/made', mode: 0o644, data: Buffer.from('made') }], {
    ...(ignoreCache && { ignoreCache }),
  });

function records(): number {
  return (store.db.prepare('SELECT count(*) AS count FROM cache_records').get() as { count: number }).count;
}

suite('the solver', () => {
  test('building without the cache again and again keeps the last result only', async () => {
    const first = await solve([marshal(made())], services);
    const kept = records();
    await solve([marshal(made(true))], services);
    const last = await solve([marshal(made(true))], services);
    assert.equal(records(), kept);
    const cached = await solve([marshal(made())], services);
    assert.deepEqual(cached.rootFses, last.rootFses);
    assert.notDeepEqual(cached.rootFses, first.rootFses);
  });

  test('asks whether it may work before it reads files of a layer, which an ordinary user may not read', async () => {
    await solve([marshal(made())], services);
    const copied = file(undefined, [{ do: 'copy', from: made(), src: '/made', dest: '/copied' }]);
    const outside = new Error('not in the namespace yet');
    await assert.rejects(
      solve([marshal(copied)], {
        ...services,
        beforeWork() {
          throw outside;
        },
        digests: {
          tree: () => assert.fail('read too early'),
        } as unknown as LayerDigests,
      }),
      outside,
    );
  });

  test('several graphs are one: what they share runs once, and each has its result', async () => {
    const names: string[] = [];
    const shared = made();
    const one = file(shared, [{ do: 'mkdir', path: '/one', mode: 0o755 }], { name: 'one' });
    const two = file(shared, [{ do: 'mkdir', path: '/two', mode: 0o755 }], { name: 'two' });
    const { rootFses, steps } = await solve([marshal(one), marshal(two)], {
      ...services,
      progress: ({ vertexes = [] }) => {
        for (const { name, started, completed } of vertexes) if (started && !completed) names.push(name);
      },
    });
    assert.equal(rootFses.length, 2);
    assert.equal(rootFses[0]![0], rootFses[1]![0]);
    assert.notEqual(rootFses[0]![1], rootFses[1]![1]);
    assert.equal(steps.length, 4);
    assert.deepEqual(names.toSorted(), ['docker-image://base', 'file', 'one', 'two']);
  });

  test('a failure is explained by the graphs that need the step', async () => {
    const broken = marshal(file(undefined, [{ do: 'rm', path: '/absent' }]));
    const whole = marshal(made());
    let told: readonly number[] = [];
    const failing = solve([whole, broken, whole, broken], services, (error, graphs) => {
      told = graphs;
      return error;
    });
    await assert.rejects(failing, { code: 'not-found' });
    assert.deepEqual(told, [1, 3]);
  });
});
