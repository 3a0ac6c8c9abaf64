import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { createGzip, gzipSync } from 'node:zlib';
import { exportBuild } from '../exporter/export.ts';
import { makeSample, openWorkshop, sampleConfig } from '../exporter/fixture.ts';
import { parseOutput } from '../exporter/outputs.ts';
import { saveImages } from '../exporter/save.ts';
import { findImage, listRecords } from '../store/images.ts';
import { imageHistory, inspectImage } from '../store/inspect.ts';
import { openStore, type Store } from '../store/store.ts';
import { type TarItem, writeTar } from '../tar/writer.ts';
import { loadImages, openArchive } from './archive.ts';

const workshop = openWorkshop();
const { dir, services, layers } = workshop;
const rootFs = makeSample(workshop);
let stores = 0;

async function withStore<T>(body: (store: Store) => Promise<T>): Promise<T> {
  const store = openStore(`${dir}/store-${stores++}`);
  try {
    return await body(store);
  } finally {
    store.close();
  }
}

await exportBuild(
  services,
  layers,
  { results: [{ rootFs, config: sampleConfig }], index: false },
  parseOutput('type=image'),
  {
    names: ['docker.io/library/app:1', 'localhost:5000/team/app:2'],
  },
);
const original = inspectImage(workshop.store, 'app:1');

const foreign: [string, string][] = [
  ['docker-archive:FILE:app:1', 'app:1'],
  ['oci-archive:FILE:app:1', 'app:1'],
  ['oci-archive:FILE:localhost:5000/team/app:2', 'localhost:5000/team/app:2'],
];
for (const [destination, name] of foreign)
  test(`what skopeo writes as ${destination} is the same image when loaded`, async context => {
    const file = `${dir}/foreign-${stores}`;
    const from = `oci:${workshop.store.root}:${name}`;
    const args = ['copy', '--insecure-policy', '-q', from, destination.replace('FILE', file)];
    const { error, stderr } = spawnSync('skopeo', args, { encoding: 'utf8' });
    if (error) return context.skip('skopeo is not installed');
    assert.equal(stderr, '');
    await withStore(async store => {
      await loadImages(store, openArchive(file));
      const loaded = inspectImage(store, name);
      assert.deepEqual(loaded.Config, original.Config);
      assert.deepEqual(loaded.RootFS, original.RootFS);
      assert.equal(imageHistory(store, name).length, 3);
    });
  });

for (const format of ['docker', 'oci'] as const)
  test(`what is saved in the ${format} format comes back with digest and names`, async () => {
    const file = `${dir}/saved.${format}`;
    await saveImages(workshop.store, ['app:1', 'localhost:5000/team/app:2'], file, { format });
    await withStore(async store => {
      const [loaded] = await loadImages(store, openArchive(file));
      assert.equal(loaded!.digest, original.Descriptor.digest);
      assert.deepEqual(loaded!.names.toSorted(), ['docker.io/library/app:1', 'localhost:5000/team/app:2']);
      assert.equal(inspectImage(store, 'app:1').Id, original.Id);
    });
    await saveImages(workshop.store, [original.Id.slice(7, 19)], file, { format });
    await withStore(async store => {
      assert.deepEqual((await loadImages(store, openArchive(file)))[0]!.names, []);
      assert.equal(findImage(store, original.Id).name, original.Descriptor.digest);
    });
  });

const sha = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
const layer = await bytesOf([
  { header: { name: 'file', type: 'file', mode: 0o644, size: 2 }, content: Buffer.from('hi') },
]);
const packedLayer = gzipSync(layer);
const config = JSON.stringify({
  os: 'linux',
  architecture: 'amd64',
  rootfs: { type: 'layers', diff_ids: [`sha256:${sha(layer)}`] },
});

async function bytesOf(items: TarItem[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTar(items)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** An archive of these files, and of symlinks for values that begin with `->`. */
async function* archiveOf(files: Record<string, string | Buffer>): AsyncGenerator<Uint8Array> {
  yield await bytesOf(
    Object.entries(files).map(([name, data]): TarItem => {
      if (typeof data === 'string' && data.startsWith('->'))
        return { header: { name, type: 'symlink', mode: 0o777, linkname: data.slice(2) } };
      const content = Buffer.from(data);
      return { header: { name, type: 'file', mode: 0o644, size: content.length }, content };
    }),
  );
}

function dockerArchive(
  changes: Record<string, string | Buffer> = {},
  entry: object = {},
): AsyncIterable<Uint8Array> {
  const image = { Config: 'config.json', RepoTags: ['app:1'], Layers: ['layer.tar'], ...entry };
  return archiveOf({
    'config.json': config,
    'layer.tar': layer,
    'manifest.json': JSON.stringify([image]),
    ...changes,
  });
}

function layoutArchive(
  changes: Record<string, string | Buffer> = {},
  manifestChanges: object = {},
  entryChanges: object = {},
): AsyncIterable<Uint8Array> {
  const descriptor = (mediaType: string, data: string | Buffer) => ({
    mediaType,
    digest: `sha256:${sha(data)}`,
    size: data.length,
  });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptor('application/vnd.oci.image.config.v1+json', config),
    layers: [descriptor('application/vnd.oci.image.layer.v1.tar+gzip', packedLayer)],
    ...manifestChanges,
  });
  const entry = {
    ...descriptor('application/vnd.oci.image.manifest.v1+json', manifest),
    annotations: { 'org.opencontainers.image.ref.name': 'app:1' },
    ...entryChanges,
  };
  return archiveOf({
    'oci-layout': '{"imageLayoutVersion":"1.0.0"}',
    'index.json': JSON.stringify({ schemaVersion: 2, manifests: [entry] }),
    [`blobs/sha256/${sha(manifest)}`]: manifest,
    [`blobs/sha256/${sha(config)}`]: config,
    [`blobs/sha256/${sha(packedLayer)}`]: packedLayer,
    ...changes,
  });
}

test('well-formed archives made by hand are loaded', async () => {
  for (const archive of [
    dockerArchive(),
    dockerArchive({ 'layer.tar': packedLayer }),
    dockerArchive({ 'layer.tar': '->somewhere/../real.tar', 'real.tar': layer }),
    dockerArchive({}, { Config: './config.json' }),
    layoutArchive(),
  ])
    await withStore(async store => {
      assert.equal((await loadImages(store, archive)).length, 1);
      assert.equal(inspectImage(store, 'app:1').RootFS.Layers[0], `sha256:${sha(layer)}`);
    });
});

const blobPath = (data: string | Buffer): string => `blobs/sha256/${sha(data)}`;
const hostile: [string, () => AsyncIterable<Uint8Array>, RegExp][] = [
  ['no archive', () => textOf('this is no tar archive'.repeat(100)), /archive/],
  ['an empty input', () => textOf(''), /no image/],
  ['an empty archive', () => archiveOf({}), /no image/],
  ['a config that is missing', () => dockerArchive({}, { Config: 'absent.json' }), /no file "absent.json"/],
  ['a config outside', () => dockerArchive({}, { Config: '../../../etc/passwd' }), /no file/],
  ['an absolute config', () => dockerArchive({}, { Config: '/etc/hostname' }), /no file/],
  [
    'a symlink that leads outside',
    () => dockerArchive({ 'layer.tar': '->../../../../etc/passwd' }),
    /no file/,
  ],
  ['a symlink to itself', () => dockerArchive({ 'layer.tar': '->layer.tar' }), /no file/],
  [
    'a layer of other content',
    () => dockerArchive({ 'layer.tar': Buffer.alloc(1024) }),
    /config says sha256/,
  ],
  ['fewer layers than the config', () => dockerArchive({}, { Layers: [] }), /0 layers/],
  [
    'a layer cut off',
    () => dockerArchive({ 'layer.tar': packedLayer.subarray(0, -9) }),
    /damaged or cut off/,
  ],
  ['a list that is none', () => dockerArchive({ 'manifest.json': '{}' }), /not a list/],
  ['an entry that is none', () => dockerArchive({ 'manifest.json': '[null]' }), /without config/],
  ['a manifest that is no JSON', () => dockerArchive({ 'manifest.json': '[' }), /not JSON/],
  ['an impossible name', () => dockerArchive({}, { RepoTags: ['../x:1'] }), /named "..\/x:1"/],
  ['a config that is no config', () => dockerArchive({ 'config.json': '[]' }), /not a JSON object/],
  ['a huge document', () => dockerArchive({ 'config.json': `"${'x'.repeat(5 << 20)}"` }), /at most/],
  [
    'a blob that is another',
    () => layoutArchive({ [blobPath(config)]: config.replace('linux', 'minix') }),
    /expected/,
  ],
  [
    'a manifest that is missing',
    () => layoutArchive({}, {}, { digest: `sha256:${'0'.repeat(64)}` }),
    /lacks sha256/,
  ],
  ['a size that is a lie', () => layoutArchive({}, {}, { size: 1 }), /1 were expected/],
  ['a manifest without layers', () => layoutArchive({}, { layers: [] }), /0 layers/],
  ['an index that is a manifest', () => layoutArchive({}, { manifests: [] }), /at once/],
  [
    'a layout with an odd name',
    () => layoutArchive({}, {}, { annotations: { 'io.containerd.image.name': 'A/B' } }),
    /named "A\/B"/,
  ],
];

async function* textOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

for (const [what, archive, reason] of hostile)
  test(`an archive with ${what} is refused, and nothing of it stays`, async () => {
    await withStore(async store => {
      await assert.rejects(loadImages(store, archive()), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'integrity', String(error.stack));
        assert.match(error.message, reason);
        return true;
      });
      assert.deepEqual(listRecords(store), []);
      assert.deepEqual(readdirSync(store.path('ingest')), []);
      assert.deepEqual(readdirSync(store.path('blobs/sha256')), []);
    });
  });

test('an archive cut off anywhere is refused, and nothing of it stays', async () => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of layoutArchive()) chunks.push(chunk);
  const whole = Buffer.concat(chunks);
  await withStore(async store => {
    // Up to the last byte that means something; what follows are zeros.
    for (let length = 100; length < whole.length - 2048; length += 700) {
      await assert.rejects(
        loadImages(store, textSlice(whole, length)),
        { code: 'integrity' },
        `${length} bytes`,
      );
      assert.deepEqual(readdirSync(store.path('blobs/sha256')), []);
    }
    assert.deepEqual(readdirSync(store.path('ingest')), []);
  });
});

async function* textSlice(data: Buffer, length: number): AsyncGenerator<Uint8Array> {
  yield data.subarray(0, length);
}

test('an archive that unpacks to far more than came is refused, and nothing of it stays', async () => {
  const header = { name: 'zeros', type: 'file', mode: 0o644, size: 16 << 20 } as const;
  const tar = writeTar([{ header, content: Buffer.alloc(header.size) }]);
  await withStore(async store => {
    await assert.rejects(
      loadImages(store, Readable.from(tar).pipe(createGzip()), { maxLayerSize: 1 << 20 }),
      {
        code: 'integrity',
        message: /^The image archive unpacks to more than the limit of/,
      },
    );
    assert.deepEqual(readdirSync(store.path('ingest')), []);
  });
});

test('a file that is not there is an error that names it', async () => {
  await withStore(store =>
    assert.rejects(loadImages(store, openArchive(`${dir}/absent.tar`)), {
      code: 'not-found',
      message: /absent\.tar/,
    }),
  );
});
