import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mediaTypes } from '../image/types.ts';
import { digestOf } from '../util/digest.ts';
import { parseCacheConfig } from './config.ts';
import { configOf, type ExportedLayer, type ExportedResult } from './exported.ts';
import { diffIdAnnotation, ImportedCache } from './imported.ts';
import { inlineCache } from './inline.ts';
import { parseCacheFrom, parseCacheTo } from './options.ts';

async function* nothing(): AsyncGenerator<Uint8Array> {}

const layer = (name: string): ExportedLayer => ({
  descriptor: {
    mediaType: mediaTypes.layerGzip,
    digest: digestOf(`blob ${name}`),
    size: name.length,
    annotations: { [diffIdAnnotation]: digestOf(name) },
  },
  read: nothing,
});
const [definition, content, other] = [digestOf('definition'), digestOf('content'), digestOf('other')];
const result = (
  outputs: ExportedResult['outputs'],
  keys = [definition, content],
  canonical = content,
): ExportedResult => ({ keys, canonical, outputs, createdAt: 1000 });

const imported = (results: ExportedResult[], without: string[] = []): ImportedCache => {
  const { config, layers } = configOf(results);
  const kept = layers
    .map(({ descriptor }) => descriptor)
    .filter(({ digest }) => !without.some(name => digest === digestOf(`blob ${name}`)));
  return new ImportedCache(parseCacheConfig(Buffer.from(JSON.stringify(config))), kept, nothing);
};
const names = (cache: ImportedCache, key = definition, outputs = [0]) =>
  cache.find(key, outputs)?.outputs?.map(output => output?.map(({ diffId }) => diffId));

test('a result is found under each of its keys, with what its users stand on', () => {
  const cache = imported([result([[layer('a'), layer('b')]])]);
  for (const key of [definition, content]) {
    assert.equal(cache.find(key, [0])?.canonical, content);
    assert.deepEqual(names(cache, key), [[digestOf('a'), digestOf('b')]]);
  }
  assert.equal(cache.find(other, [0]), undefined);
  assert.equal(cache.find(definition, [0])?.createdAt, 1000);
});

test('layers that results share are named once', () => {
  const { config, layers } = configOf([
    result([[layer('a'), layer('b')]]),
    result([[layer('a'), layer('c')]], [other], other),
  ]);
  assert.equal(layers.length, 3);
  assert.deepEqual(
    config.layers.map(({ parent }) => parent),
    [-1, 0, 0],
  );
});

test('an empty file system and several outputs are results too', () => {
  assert.deepEqual(names(imported([result([[]])])), [[]]);
  const cache = imported([result([[layer('a')], null, [layer('b')]])]);
  assert.deepEqual(names(cache, definition, [0, 2]), [[digestOf('a')], undefined, [digestOf('b')]]);
  assert.equal(cache.find(definition, [0, 1]), undefined);
});

test('where layers are not shared, or not there, only the key is known', () => {
  for (const cache of [imported([result([undefined])]), imported([result([[layer('a')]])], ['a'])]) {
    assert.equal(cache.find(definition, [0])?.canonical, content);
    assert.equal(cache.find(definition, [0])?.outputs, undefined);
  }
});

test('a layer that does not say what is in it is as good as none', () => {
  const { config } = configOf([result([[layer('a')]])]);
  const { annotations: _, ...silent } = layer('a').descriptor;
  assert.equal(new ImportedCache(config, [silent], nothing).find(definition, [0])?.outputs, undefined);
});

test('configs that point beyond themselves or in circles are refused', () => {
  const blob = digestOf('a');
  const refused: unknown[] = [
    [],
    { layers: {} },
    { layers: [{ blob: 'md5:1', parent: -1 }] },
    { layers: [{ blob, parent: 1 }] },
    {
      layers: [
        { blob, parent: 1 },
        { blob, parent: 0 },
      ],
    },
    { records: [{ digest: 1 }] },
    { records: [{ digest: 'x', layers: [{ layer: 0 }] }] },
    { records: [{ digest: 'x', inputs: [[{ link: 1 }]] }] },
    { records: [{ digest: 'x', chains: [{ layers: [-1] }] }] },
  ];
  for (const config of refused)
    assert.throws(() => parseCacheConfig(Buffer.from(JSON.stringify(config))), { code: 'integrity' });
});

test('a place of zero may be left out, as Go does', () => {
  const blob = digestOf('a');
  const text = `{"layers":[{"blob":"${blob}","parent":-1},{"blob":"${blob}"}],"records":[{"digest":"x"}]}`;
  assert.equal(parseCacheConfig(Buffer.from(text)).layers[1]!.parent, 0);
});

test('an image carries the results whose layers it has', () => {
  const at = (outputs: ExportedResult<number>['outputs'], key: typeof other) => ({
    keys: [key],
    canonical: key,
    outputs,
    createdAt: 0,
  });
  const text = inlineCache([at([[0, 1]], definition), at([[2]], content), at([undefined], other)], 3)!;
  const records = JSON.parse(Buffer.from(text, 'base64').toString());
  const shapes = records.map((record: Record<string, unknown>) => [record.layers, record.chains]);
  const createdAt = '1970-01-01T00:00:00.000Z';
  assert.deepEqual(shapes, [
    [undefined, undefined],
    [[{ layer: 1, createdAt }], undefined],
    [undefined, undefined],
    [undefined, [{ layers: [2], createdAt }]],
    [undefined, undefined],
    [undefined, undefined],
  ]);
  assert.equal(inlineCache([at([undefined], other)], 3), undefined);
});

test('the flags are read as buildx reads them', () => {
  const reference = { domain: 'docker.io', path: 'user/app', tag: 'cache' };
  assert.deepEqual(parseCacheFrom('user/app:cache', {}), { type: 'registry', reference, insecure: false });
  assert.deepEqual(parseCacheFrom('type=local,"src=a,b"', {}), {
    type: 'local',
    src: 'a,b',
    tag: 'latest',
    digest: undefined,
  });
  const to = parseCacheTo(
    'type=registry,ref=user/app:cache,mode=max,compression=zstd,compression-level=9',
    {},
  );
  assert.deepEqual(to, {
    type: 'registry',
    reference,
    insecure: false,
    mode: 'max',
    compression: { type: 'zstd', level: 9 },
    forceCompression: false,
    ignoreError: false,
    imageManifest: true,
    mediaTypes: 'oci',
  });
  assert.equal(parseCacheTo('type=local,dest=x,oci-mediatypes=false', {}).imageManifest, false);
  for (const wrong of [
    '',
    'type=ftp',
    'ref=x',
    'type=registry',
    'type=local',
    'type=local,dest=x,mode=middle',
    'type=local,dest=x,oci-mediatypes=false,image-manifest=true',
    'type=local,dest=x,unknown=1',
    'type=registry,ref=x,ignore-error=perhaps',
  ])
    assert.throws(() => parseCacheTo(wrong, {}), { code: 'usage' }, wrong);
});
