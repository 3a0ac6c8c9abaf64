import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { exportBuild } from '../exporter/export.ts';
import { makeSample, openWorkshop, plain, sampleConfig } from '../exporter/fixture.ts';
import { originalVariant, packLayers } from '../exporter/layers.ts';
import { parseOutput } from '../exporter/outputs.ts';
import { openLayerStore } from '../snapshot/layer-store.ts';
import { findImage } from '../store/images.ts';
import { readImage } from '../store/inspect.ts';
import { openStore } from '../store/store.ts';
import { loadImages, openArchive } from './archive.ts';
import { unpackImage } from './image.ts';

const workshop = openWorkshop();
const { dir, store, layers, services } = workshop;
const rootFs = makeSample(workshop);
const gzip = { compression: { type: 'gzip' } } as const;

async function write(output: string, name: string, result = { rootFs, config: sampleConfig }): Promise<void> {
  await exportBuild(services, layers, { results: [result], index: false }, parseOutput(output), {
    names: [name],
  });
}

test('an image that was loaded is unpacked once, and exported again it has the same layers', async () => {
  await write(`type=oci,dest=${dir}/app.oci`, 'docker.io/library/app:1');
  const other = openStore(`${dir}/other`);
  try {
    await loadImages(other, openArchive(`${dir}/app.oci`));
    const image = readImage(services.blobs, findImage(other, 'app:1').descriptor);
    const unpacking = { store: other, blobs: services.blobs, layers: openLayerStore(other) };
    const unpacked = await unpackImage(unpacking, image);
    assert.deepEqual(await unpackImage(unpacking, image), unpacked);
    const view = unpacking.layers.view(unpacked);
    assert.deepEqual(view.list('/etc'), ['empty']);
    assert.deepEqual(view.list('/old'), ['new']);
    assert.equal(view.lstat('/old/new')!.uid, 1000);
    const packed = await packLayers({ ...services, store: other }, unpacked, {
      compression: { type: 'zstd' },
    });
    assert.deepEqual(
      packed.map(layer => layer.digest),
      image.manifest.layers.map(layer => layer.digest),
    );
  } finally {
    other.close();
  }
});

test('an image that was built here stands on the layers it was built of', async () => {
  await write('type=image', 'docker.io/library/here:1');
  const image = readImage(services.blobs, findImage(store, 'here:1').descriptor);
  assert.deepEqual(await unpackImage({ store, blobs: services.blobs, layers }, image), rootFs);
  const [zstd] = await packLayers(services, rootFs, { compression: { type: 'zstd' } });
  assert.match(zstd!.mediaType, /zstd/);
});

test('an image whose times were rewritten has the times that it says', async () => {
  const dated = workshop.addLayer([], writer => writer.putFile('/file', { data: Buffer.from('x') }, plain));
  await write('type=image,rewrite-timestamp=true,source-date-epoch=1000', 'docker.io/library/dated:1', {
    rootFs: dated,
    config: { ...sampleConfig, history: [] },
  });
  const image = readImage(services.blobs, findImage(store, 'dated:1').descriptor);
  const unpacked = await unpackImage({ store, blobs: services.blobs, layers }, image);
  assert.equal(layers.view(unpacked).lstat('/file')!.mtimeNs, 1_000_000_000_000n);
  assert.equal(layers.view(dated).lstat('/file')!.mtimeNs, plain.mtimeNs);
});

test('a layer that is not what the config says is refused and leaves no layer', async () => {
  const [first, second] = [
    workshop.addLayer([], writer => writer.putFile('/one', { data: Buffer.from('1') }, plain)),
    workshop.addLayer([], writer => writer.putFile('/two', { data: Buffer.from('2') }, plain)),
  ];
  const [one] = await packLayers(services, first, gzip);
  const [two] = await packLayers(services, second, gzip);
  await write('type=image', 'docker.io/library/wrong:1', {
    rootFs: first,
    config: { ...sampleConfig, history: [] },
  });
  const image = readImage(services.blobs, findImage(store, 'wrong:1').descriptor);
  const forged = {
    ...image,
    manifest: { ...image.manifest, layers: [{ ...two!, mediaType: two!.mediaType }] },
  };
  const other = openStore(`${dir}/forged`);
  try {
    const unpacking = { store: other, blobs: services.blobs, layers: openLayerStore(other) };
    await assert.rejects(unpackImage(unpacking, forged), (error: Error) => {
      assert.ok(error.message.includes(one!.diffId) && error.message.includes(two!.diffId));
      return 'code' in error && error.code === 'integrity';
    });
    assert.deepEqual(other.prepare('SELECT * FROM layers').all(), []);
    assert.deepEqual(other.prepare('SELECT * FROM layer_blobs WHERE variant = ?').all(originalVariant), []);
  } finally {
    other.close();
  }
});

test("Docker's media types do not get into OCI manifests", async () => {
  await write('type=image,oci-mediatypes=false', 'docker.io/library/old:1');
  const image = readImage(services.blobs, findImage(store, 'old:1').descriptor);
  assert.match(image.manifest.layers[0]!.mediaType, /docker/);
  const other = openStore(`${dir}/types`);
  try {
    const unpacking = { store: other, blobs: services.blobs, layers: openLayerStore(other) };
    const packed = await packLayers({ ...services, store: other }, await unpackImage(unpacking, image), gzip);
    assert.ok(packed.every(layer => layer.mediaType.startsWith('application/vnd.oci.')));
  } finally {
    other.close();
  }
  assert.ok(readFileSync(store.path('index.json'), 'utf8').includes('docker.distribution.manifest'));
});
