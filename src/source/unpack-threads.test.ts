import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Arrival } from '../content/arrival.ts';
import { sampleConfig } from '../exporter/fixture.ts';
import type { Descriptor } from '../image/types.ts';
import { openLayerStore } from '../snapshot/layer-store.ts';
import { describeTree } from '../snapshot/testing.ts';
import type { RootFs } from '../snapshot/types.ts';
import { blobsOf } from '../store/blobs.ts';
import { openStore } from '../store/store.ts';
import { type TarItem, writeTar } from '../tar/writer.ts';
import { type Digest, digestOf } from '../util/digest.ts';
import { type UnpackServices, unpackImage } from './image.ts';

const root = mkdtempSync(join(tmpdir(), 'stagecraft-threads-'));
after(() => rmSync(root, { recursive: true }));

const directory = (name: string, mode = 0o755): TarItem => ({ header: { name, type: 'directory', mode } });
const file = (name: string, content: Buffer): TarItem => ({
  header: { name, type: 'file', mode: 0o644, size: content.length },
  content,
});
const hardlink = (name: string, linkname: string): TarItem => ({
  header: { name, type: 'hardlink', mode: 0o644, linkname },
});

/** More than is unpacked in the main thread; each but the first needs to know what lies below. */
const archives = await Promise.all(
  [
    [
      directory('./', 0o750),
      directory('kept', 0o700),
      file('kept/one', randomBytes(3 << 20)),
      file('gone', Buffer.from('x')),
    ],
    [
      file('kept/two', randomBytes(3 << 20)),
      hardlink('kept/again', 'kept/one'),
      file('.wh.gone', Buffer.alloc(0)),
    ],
    [file('kept/three', randomBytes(3 << 20))],
    [file('kept/three', Buffer.from('another'))],
    [file('kept/three', Buffer.from('another'))],
  ].map(async items => buffer(writeTar(items))),
);
const diffIds = archives.map(digestOf);
const image = {
  manifest: {
    schemaVersion: 2 as const,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf('{}'), size: 2 },
    layers: archives.map(
      (archive, i): Descriptor => ({
        mediaType: 'application/vnd.oci.image.layer.v1.tar',
        digest: diffIds[i]!,
        size: archive.length,
      }),
    ),
  },
  config: { ...sampleConfig, rootfs: { type: 'layers' as const, diff_ids: diffIds } },
};

function open(t: TestContext): UnpackServices {
  const store = openStore(mkdtempSync(join(root, 'store-')));
  t.after(() => store.close());
  return { store, blobs: blobsOf(store), layers: openLayerStore(store) };
}

/** The same image, unpacked layer by layer. */
async function expected(t: TestContext): Promise<string[]> {
  const { layers } = open(t);
  let rootFs: RootFs = [];
  for (const archive of archives) {
    const draft = layers.create();
    await layers.unpack(
      (async function* () {
        yield archive;
      })(),
      draft,
      rootFs,
    );
    rootFs = [...rootFs, draft.commit()];
  }
  return describeTree(layers.view(rootFs));
}

test('layers unpacked at once are those unpacked one by one', async t => {
  const services = open(t);
  for (const archive of archives) services.blobs.put(archive);
  const rootFs = await unpackImage(services, image);
  assert.deepEqual(describeTree(services.layers.view(rootFs)), await expected(t));
  assert.deepEqual(await unpackImage(services, image), rootFs);
  assert.deepEqual(readdirSync(services.store.path('ingest')), []);
});

test('layers are unpacked while they arrive', async t => {
  const services = open(t);
  const arrivals = new Map<Digest, Arrival>();
  const bring = async (archive: Buffer, arrival: Arrival): Promise<void> => {
    const path = join(root, `arriving-${digestOf(archive)}`);
    for (let at = 0; at < archive.length; at += 1 << 20) {
      appendFileSync(path, archive.subarray(at, at + (1 << 20)));
      arrival.grow(path, Math.min(archive.length, at + (1 << 20)));
      await sleep(1);
    }
    services.blobs.put(archive);
    rmSync(path);
    arrival.finish(services.blobs.path(digestOf(archive)), archive.length);
  };
  const fetch = async (): Promise<ReadonlyMap<Digest, Arrival>> => {
    for (const archive of archives) {
      if (arrivals.has(digestOf(archive))) continue;
      const arrival = new Arrival();
      arrivals.set(digestOf(archive), arrival);
      void bring(archive, arrival);
    }
    return arrivals;
  };
  const rootFs = await unpackImage({ ...services, fetch }, image);
  assert.deepEqual(describeTree(services.layers.view(rootFs)), await expected(t));
});

test('one layer that is wrong ends all, and leaves nothing that is not whole', async t => {
  const services = open(t);
  for (const archive of archives) services.blobs.put(archive);
  const wrong = diffIds.with(1, digestOf('another'));
  const forged = {
    ...image,
    config: { ...image.config, rootfs: { type: 'layers' as const, diff_ids: wrong } },
  };
  await assert.rejects(unpackImage(services, forged), { code: 'integrity', message: new RegExp(wrong[1]!) });
  assert.deepEqual(readdirSync(services.store.path('ingest')), []);
  assert.deepEqual(services.store.prepare('SELECT * FROM locks').all(), []);
});

test('a download that fails is why the image is not there', async t => {
  const services = open(t);
  for (const archive of archives.slice(1)) services.blobs.put(archive);
  const arrival = new Arrival();
  const fetch = async () => new Map([[diffIds[0]!, arrival]]);
  const unpacking = unpackImage({ ...services, fetch }, image);
  setTimeout(() => arrival.fail(new Error('the network is gone')), 100);
  await assert.rejects(unpacking, /the network is gone/);
  assert.deepEqual(readdirSync(services.store.path('ingest')), []);
});

test('who stops it waits for no layer', async t => {
  const services = open(t);
  for (const archive of archives.slice(1)) services.blobs.put(archive);
  const stop = new AbortController();
  // The first layer never comes, and others wait for it.
  const fetch = async () => new Map([[diffIds[0]!, new Arrival()]]);
  const unpacking = unpackImage({ ...services, fetch, signal: stop.signal }, image);
  setTimeout(() => stop.abort(new Error('stopped')), 300);
  await assert.rejects(unpacking, /stopped/);
  assert.deepEqual(readdirSync(services.store.path('ingest')), []);
});
