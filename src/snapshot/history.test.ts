import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../util/property.ts';
import { mergeLayers } from './merge.ts';
import { applyToWriter, history, Model } from './model.ts';
import { RootView } from './root-view.ts';
import { describeMounted, describeTree, noMounts, openWorkshop, packed, stream } from './testing.ts';
import type { LayerId, RootFs } from './types.ts';

const workshop = openWorkshop();
const { layers } = workshop;

/** Writes a history as layers, and checks at each step that the tree is the one meant. */
function build(steps: Parameters<typeof applyToWriter>[1][][]): { rootFs: RootFs; model: Model } {
  const model = new Model();
  let rootFs: RootFs = [];
  for (const changes of steps) {
    model.nextLayer();
    rootFs = workshop.add(rootFs, writer => {
      for (const change of changes) {
        const text = () =>
          JSON.stringify(change, (_, value) => (typeof value === 'bigint' ? String(value) : value));
        assert.equal(applyToWriter(writer, change), model.apply(change), text());
      }
      assert.deepEqual(describeTree(writer.tree).map(untimed), model.describe().map(untimed));
    });
    assert.deepEqual(describeTree(layers.view(rootFs)), model.describe());
  }
  return { rootFs, model };
}

/** Directories get their times in the end. */
function untimed(line: string): string {
  return line.includes(' directory ') ? line.replace(/ [0-9]+((?: user\.a=31)?)$/, '$1') : line;
}

test('layers written step by step show, stacked, just the tree that was meant', () => {
  fc.assert(
    fc.property(history, steps => void build(steps)),
    { numRuns: 150 },
  );
});

test('layers packed and unpacked again show the same tree, and pack to the same bytes', async () => {
  await fc.assert(
    fc.asyncProperty(history, async steps => {
      const { rootFs, model } = build(steps);
      let unpacked: RootFs = [];
      for (const layer of rootFs) {
        const archive = await packed(layers, layer);
        const draft = layers.create();
        await layers.unpack(stream(archive), draft, unpacked);
        unpacked = [...unpacked, draft.commit()];
        assert.ok((await packed(layers, unpacked.at(-1) as LayerId)).equals(archive));
      }
      assert.deepEqual(describeTree(layers.view(unpacked)), model.describe());
    }),
    { numRuns: 60 },
  );
});

test('layers merged into one show the same tree, also on top of others', () => {
  fc.assert(
    fc.property(history, fc.nat(3), (steps, at) => {
      const { rootFs, model } = build(steps);
      const from = Math.min(at, rootFs.length - 1);
      const draft = layers.create();
      mergeLayers(rootFs.slice(from).map(layers.dir, layers), draft.dir, { isBase: from === 0 });
      const merged = [...rootFs.slice(0, from), draft.commit()];
      assert.deepEqual(describeTree(layers.view(merged)), model.describe());
    }),
    { numRuns: 60 },
  );
});

test('the kernel, mounting the layers, shows the same tree', { skip: noMounts }, () => {
  for (const steps of fc.sample(history, { numRuns: 12, seed: 7 })) {
    const { rootFs, model } = build(steps);
    const dirs = rootFs.map(layers.dir, layers);
    assert.deepEqual(describeMounted(dirs, workshop.dir), model.describe());
    const draft = layers.create();
    mergeLayers(dirs, draft.dir, { isBase: true });
    assert.deepEqual(describeMounted([draft.dir], workshop.dir), model.describe());
    draft.discard();
  }
});

test('a tree that does not exist any more on disk is asked for in vain, not wrongly shown', () => {
  const rootFs = workshop.add([], () => {});
  layers.remove(rootFs[0]!);
  assert.throws(() => layers.view([rootFs[0]!, 'nosuch']), { code: 'not-found' });
  assert.deepEqual(new RootView([]).list('/'), []);
});
