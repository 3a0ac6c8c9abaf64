import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mediaTypes } from '../image/types.ts';
import { digestOf } from '../util/digest.ts';
import { contentRootKey, outputKey, type RecordKey, type RecordLink, sourceKey } from './buildkit/key.ts';
import { type ConfigRecord, parseCacheConfig } from './config.ts';
import { configOf, type ExportedLayer, type ExportedResult, recordsOf } from './exported.ts';
import { diffIdAnnotation, ImportedCache } from './imported.ts';
import { inlineCache } from './inline.ts';
import { parseCacheFrom, parseCacheTo } from './options.ts';

type OutputKeys = ReadonlyMap<number, RecordKey>;

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
/** The keys of the first outputs of an operation. */
const keysOf = (operation: string, inputs: RecordLink[][] = [], outputs = [0]): OutputKeys =>
  new Map(outputs.map(output => [output, outputKey(digestOf(operation), output, inputs)]));
const link = (key: RecordKey, selector = ''): RecordLink => ({
  key,
  selector: selector === '' ? '' : digestOf(selector),
});
const source = sourceKey('source');
const files = contentRootKey(digestOf('files'));
const [one, other] = [keysOf('one'), keysOf('other')];
const result = (outputs: ExportedResult['outputs'], keys = one): ExportedResult => ({
  keys,
  outputs,
  createdAt: 1000,
});

const imported = (results: ExportedResult[], without: string[] = []): ImportedCache => {
  const { config, layers } = configOf(results);
  const kept = layers
    .map(({ descriptor }) => descriptor)
    .filter(({ digest }) => !without.some(name => digest === digestOf(`blob ${name}`)));
  return new ImportedCache(parseCacheConfig(Buffer.from(JSON.stringify(config))), kept, nothing);
};
const names = (cache: ImportedCache, keys = one) =>
  cache.find(keys)?.outputs?.map(output => output?.map(({ diffId }) => diffId));

test('a result is found by what it stands on: the key of an input, or the content of files', () => {
  const both = [[link(source)], [link(source, '/a'), link(files)]];
  const cache = imported([result([[layer('a'), layer('b')]], keysOf('copy', both))]);
  const ways = [both, [[link(source)], [link(source, '/a')]], [[link(source)], [link(files)]]];
  for (const way of ways)
    assert.deepEqual(names(cache, keysOf('copy', way)), [[digestOf('a'), digestOf('b')]]);
  assert.equal(cache.find(keysOf('copy', both))?.createdAt, 1000);
  const misses = [
    [[link(source)]],
    [[link(files)], [link(files)]],
    [[link(source)], [link(source)]],
    [[link(source)], [link(source, '/b')]],
    [[link(sourceKey('another'))], [link(files)]],
    [[link(source)], [link(files, '/a')]],
  ];
  for (const miss of misses) assert.equal(cache.find(keysOf('copy', miss)), undefined);
  assert.equal(cache.find(keysOf('move', both)), undefined);
});

test('what stands on a result is found on each way to it', () => {
  const copy = (...links: RecordLink[]): RecordKey => keysOf('copy', [links]).get(0)!;
  const run = (on: RecordKey) => keysOf('run', [[link(on)]]);
  const [full, byName, byContent] = [
    copy(link(source, '/a'), link(files)),
    copy(link(source, '/a')),
    copy(link(files)),
  ];
  // Nobody had to look at the files of the one on which the process ran.
  const cache = imported([result([[layer('a')]], new Map([[0, full]])), result([[layer('b')]], run(byName))]);
  for (const way of [full, byName, byContent]) assert.deepEqual(names(cache, run(way)), [[digestOf('b')]]);
});

test('what a cache knew is handed on with all ways that led to it', () => {
  const keys = keysOf('copy', [[link(source, '/a'), link(files)]]);
  const first = imported([result([[layer('a')]], keys)]);
  const found = keysOf('copy', [[link(source, '/a')]]);
  const { origin } = first.find(found)!;
  const second = imported([{ ...result([[layer('a')]], found), origin }]);
  assert.deepEqual(names(second, keysOf('copy', [[link(files)]])), [[digestOf('a')]]);
});

test('what stands on itself leads nowhere, and what stands deep is handed on', () => {
  const depth = 20_000;
  const chain = Array.from({ length: depth }, (_, i) => ({
    digest: digestOf(`${i}`),
    ...(i > 0 && { inputs: [[{ link: i - 1 }]] }),
  }));
  const circle = [
    { digest: digestOf('x'), inputs: [[{ link: 1 }]] },
    { digest: digestOf('y'), inputs: [[{ link: 0 }]] },
  ];
  const handedOn = (records: ConfigRecord[]) => {
    const places = new Map([[0, [records.length - 1]]]);
    const origin = { config: { layers: [], records }, places };
    return recordsOf([{ ...result([undefined], new Map()), origin }], () => ({})).length;
  };
  assert.equal(handedOn(chain), depth);
  assert.equal(handedOn(circle), 0);
});

test('records never stand on each other, whatever is equal among them', () => {
  // The same file copied from a context, and from the copy.
  const inner = keysOf('copy', [[link(files)]]);
  const outer = keysOf('copy', [[link(inner.get(0)!, '/a'), link(files)]]);
  const { config } = configOf([result([[layer('a')]], inner), result([[layer('a')]], outer)]);
  assert.deepEqual(
    config.records.map(({ inputs }) => inputs?.map(links => links.map(each => each.link))),
    [undefined, [[0]]],
  );
});

test('what must run is not found, and found by others', () => {
  const fresh = new Map([[0, outputKey(digestOf('run'), 0, [[link(source)]], true)]]);
  const cache = imported([result([[layer('a')]], fresh)]);
  assert.equal(cache.find(fresh), undefined);
  assert.deepEqual(names(cache, keysOf('run', [[link(source)]])), [[digestOf('a')]]);
});

test('layers that results share are named once', () => {
  const { config, layers } = configOf([
    result([[layer('a'), layer('b')]]),
    result([[layer('a'), layer('c')]], other),
  ]);
  assert.equal(layers.length, 3);
  assert.deepEqual(
    config.layers.map(({ parent }) => parent),
    [-1, 0, 0],
  );
});

test('an empty file system and several outputs are results too', () => {
  assert.deepEqual(names(imported([result([[]])])), [[]]);
  const several = keysOf('one', [], [0, 2]);
  const cache = imported([result([[layer('a')], null, [layer('b')]], several)]);
  assert.deepEqual(names(cache, several), [[digestOf('a')], undefined, [digestOf('b')]]);
  assert.equal(cache.find(keysOf('one', [], [0, 1])), undefined);
});

test('where layers are not shared, or not there, only the key is known', () => {
  for (const cache of [imported([result([undefined])]), imported([result([[layer('a')]])], ['a'])]) {
    assert.ok(cache.find(one));
    assert.equal(cache.find(one)?.outputs, undefined);
  }
});

test('a layer that does not say what is in it is as good as none', () => {
  const { config } = configOf([result([[layer('a')]])]);
  const { annotations: _, ...silent } = layer('a').descriptor;
  assert.equal(new ImportedCache(config, [silent], nothing).find(one)?.outputs, undefined);
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
  const at = (outputs: ExportedResult<number>['outputs'], keys: OutputKeys) => ({
    keys,
    outputs,
    createdAt: 0,
  });
  const third = keysOf('third');
  const text = inlineCache([at([[0, 1]], one), at([[2]], other), at([undefined], third)], 3)!;
  const records = JSON.parse(Buffer.from(text, 'base64').toString());
  const shapes = records.map((record: Record<string, unknown>) => [record.layers, record.chains]);
  const createdAt = '1970-01-01T00:00:00.000Z';
  assert.deepEqual(shapes, [
    [[{ layer: 1, createdAt }], undefined],
    [undefined, [{ layers: [2], createdAt }]],
    [undefined, undefined],
  ]);
  assert.equal(inlineCache([at([undefined], other)], 3), undefined);
});

test('the flags are read as buildx reads them', () => {
  const reference = { domain: 'docker.io', path: 'user/app', tag: 'cache' };
  assert.deepEqual(parseCacheFrom('user/app:cache', {}), {
    type: 'registry',
    mounts: true,
    reference,
    insecure: false,
  });
  assert.deepEqual(parseCacheFrom('type=local,"src=a,b"', {}), {
    type: 'local',
    mounts: true,
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
    mounts: false,
  });
  assert.equal(parseCacheTo('type=local,dest=x,mounts=true', {}).mounts, true);
  assert.deepEqual(parseCacheTo('type=local,dest=x,mounts=npm;/var/cache/apt', {}).mounts, [
    'npm',
    '/var/cache/apt',
  ]);
  assert.equal(parseCacheFrom('type=local,src=x,mounts=false', {}).mounts, false);
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
    'type=inline,mounts=true',
  ])
    assert.throws(() => parseCacheTo(wrong, {}), { code: 'usage' }, wrong);
});
