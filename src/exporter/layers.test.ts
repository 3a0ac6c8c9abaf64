import assert from 'node:assert/strict';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { decompress } from '../content/decompress.ts';
import { mediaTypes } from '../image/types.ts';
import { unsetTimeNs } from '../snapshot/times.ts';
import { digestOf } from '../util/digest.ts';
import { executable, openWorkshop, plain } from './fixture.ts';
import { originalVariant, type PackedLayer, packLayers } from './layers.ts';
import type { ExportServices } from './types.ts';

const workshop = openWorkshop();
const { services, store } = workshop;

/** One layer with a file of this content. */
function layerWith(content: string): string {
  const [layer] = workshop.addLayer([], writer =>
    writer.putFile('/file', { data: Buffer.from(content) }, plain),
  );
  return layer!;
}

/** Services that count what is packed. */
function counting(): { services: ExportServices; packed: string[] } {
  const packed: string[] = [];
  return {
    packed,
    services: {
      ...services,
      pack(layer, options) {
        packed.push(layer);
        return services.pack(layer, options);
      },
    },
  };
}

const gzip = { compression: { type: 'gzip' } } as const;

test('a layer is packed once, however often and by whomever it is asked for', async () => {
  const layers = [layerWith('one'), layerWith('two'), layerWith('three')];
  const counter = counting();
  const all = await Promise.all([
    packLayers(counter.services, layers, gzip),
    packLayers(counter.services, [...layers, layers[0]!], gzip),
    packLayers(counter.services, layers.toReversed(), gzip),
  ]);
  assert.deepEqual(counter.packed.toSorted(), layers.toSorted());
  assert.deepEqual(all[0], all[2].toReversed());
  assert.deepEqual(all[1][0], all[1][3]);
});

test('each compression is a blob of its own with the same diffID, the digest of its content', async () => {
  const layer = layerWith('content');
  const types = { gzip: mediaTypes.layerGzip, zstd: mediaTypes.layerZstd, uncompressed: mediaTypes.layer };
  for (const [type, mediaType] of Object.entries(types)) {
    const compression = { type: type as keyof typeof types };
    const [packed] = await packLayers(services, [layer], { compression });
    assert.equal(packed!.mediaType, mediaType);
    const chunks: Uint8Array[] = [];
    for await (const chunk of decompress(services.blobs.stream(packed!.digest, { verify: true })))
      chunks.push(chunk);
    assert.equal(digestOf(Buffer.concat(chunks)), packed!.diffId);
  }
});

test('a blob that went missing is made again', async () => {
  const layer = layerWith('fragile');
  const [before] = await packLayers(services, [layer], gzip);
  rmSync(services.blobs.path(before!.digest));
  assert.deepEqual(await packLayers(services, [layer], gzip), [before]);
  writeFileSync(services.blobs.path(before!.digest), 'cut off');
  assert.deepEqual(await packLayers(services, [layer], gzip), [before]);
  assert.equal(services.blobs.size(before!.digest), before!.size);
});

test("a base image's layer stays the blob it was; forced to another form, its content stays", async () => {
  const source = layerWith('from elsewhere');
  const [made] = await packLayers(services, [source], gzip);
  const base = layerWith('unpacked differently here');
  const insert = store.prepare('INSERT INTO layer_blobs VALUES (?, ?, ?, ?, ?, ?)');
  insert.run(base, originalVariant, made!.diffId, made!.digest, made!.size, mediaTypes.layerGzip);
  const counter = counting();
  const zstd = { compression: { type: 'zstd' } } as const;
  const [kept] = await packLayers(counter.services, [base], zstd);
  assert.deepEqual({ ...kept, isOriginal: false }, made);
  const [forced] = await packLayers(counter.services, [base], { ...zstd, force: true });
  assert.equal(forced!.mediaType, mediaTypes.layerZstd);
  assert.equal(forced!.diffId, made!.diffId);
  assert.deepEqual(counter.packed, []);
});

test('times later than the epoch are rewritten when asked', async () => {
  const [layer] = workshop.addLayer([], writer => {
    writer.putFile('/old', { data: Buffer.from('x') }, { ...plain, mtimeNs: 5_000_000_000n });
    writer.putFile('/new', { data: Buffer.from('x') }, plain);
  });
  const [same] = workshop.addLayer([], writer => {
    writer.putFile('/old', { data: Buffer.from('x') }, { ...plain, mtimeNs: 5_000_000_000n });
    writer.putFile('/new', { data: Buffer.from('x') }, { ...plain, mtimeNs: plain.mtimeNs + 7_000_000_000n });
  });
  const latestTime = 1_000_000_000;
  const options = { ...gzip, latestTime };
  const [one, other] = await packLayers(services, [layer!, same!], options);
  assert.equal(one!.digest, other!.digest);
  const [untouched] = await packLayers(services, [layer!], gzip);
  assert.notEqual(untouched!.digest, one!.digest);
  const [based] = await packLayers(services, [layer!], { ...options, baseLayers: 1 });
  assert.equal(based!.digest, untouched!.digest, 'a base image stays as it is');
});

test('what has no time of its own has that of the epoch', async () => {
  const [unset] = workshop.addLayer([], writer =>
    writer.putDirectory('/made', { ...executable, mtimeNs: unsetTimeNs }),
  );
  const [given] = workshop.addLayer([], writer =>
    writer.putDirectory('/made', { ...executable, mtimeNs: unsetTimeNs - 1_000_000_000n }),
  );
  const timeIn = async (layer: string, latestTime?: number): Promise<number> => {
    const [{ digest }] = (await packLayers(services, [layer], {
      compression: { type: 'uncompressed' },
      latestTime,
    })) as [PackedLayer];
    return Number.parseInt(String(services.blobs.read(digest, 1 << 20).subarray(136, 147)), 8);
  };
  assert.deepEqual(
    [await timeIn(unset!), await timeIn(unset!, 1_000_000_000), await timeIn(given!, 1_000_000_000)],
    [315_532_801, 1_000_000_000, 315_532_800],
  );
});

test('a layer that came from a cache is rewritten as one that was made here', async () => {
  const source = layerWith('cached');
  const [made] = await packLayers(services, [source], gzip);
  const came = layerWith('cached');
  store
    .prepare('INSERT INTO layer_blobs VALUES (?, ?, ?, ?, ?, ?)')
    .run(came, originalVariant, made!.diffId, made!.digest, made!.size, mediaTypes.layerGzip);
  const options = { ...gzip, latestTime: 1_000_000_000 };
  const [fresh, cached] = await packLayers(services, [source, came], options);
  assert.notEqual(fresh!.digest, made!.digest);
  assert.equal(cached!.digest, fresh!.digest);
  const [base] = await packLayers(services, [came], { ...options, baseLayers: 1 });
  assert.equal(base!.digest, made!.digest);
});

test('a failure while packing leaves nothing and can be tried again', async () => {
  const layer = layerWith('unlucky');
  const failing: ExportServices = {
    ...services,
    async *pack() {
      yield Buffer.from('half');
      throw new Error('the disk is full');
    },
  };
  await assert.rejects(packLayers(failing, [layer], gzip), /the disk is full/);
  assert.deepEqual(readdirSync(join(store.root, 'ingest')), []);
  assert.equal((await packLayers(services, [layer], gzip)).length, 1);
});
