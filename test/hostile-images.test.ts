import assert from 'node:assert/strict';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, suite, test } from 'node:test';
import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { build, parseOutput, StagecraftError } from '../src/index.ts';
import { encodeHeader } from '../src/tar/header.ts';
import { encodeRecord } from '../src/tar/pax.ts';
import type { TarItem } from '../src/tar/writer.ts';
import { digestOf } from '../src/util/digest.ts';
import { type Changes, layerOf, type MadeLayer, packed, putImage } from './support/made-image.ts';
import { needs } from './support/needs.ts';
import { Registry } from './support/registry.ts';
import { Workspace } from './support/workspace.ts';

const skip = needs('docker-registry', 'curl');
const isRoot = process.getuid!() === 0;

type Header = TarItem['header'];
const entry = (name: string, more: Partial<Header> = {}): TarItem => ({
  header: { name, type: 'file', mode: 0o644, ...more },
});
const file = (name: string, text: string): TarItem => ({
  ...entry(name, { size: text.length }),
  content: Buffer.from(text),
});
const directory = (name: string): TarItem => entry(name, { type: 'directory', mode: 0o755 });
const link = (name: string, linkname: string): TarItem => entry(name, { type: 'symlink', linkname });
const hard = (name: string, linkname: string): TarItem => entry(name, { type: 'hardlink', linkname });

suite('images that are made to do harm', { skip }, () => {
  const work = new Workspace();
  let registry: Registry;
  let count = 0;
  let empty: string[];

  /** All of the store that is not the database's own, with sizes. */
  const look = (store: string): string[] =>
    readdirSync(store, { recursive: true, withFileTypes: true })
      .filter(
        each => each.isFile() && !/^metadata\.db/.test(each.name) && !each.parentPath.includes('present'),
      )
      .map(each => join(each.parentPath, each.name))
      .map(path => `${path} ${lstatSync(path).size}`)
      .sort();

  before(async () => {
    registry = await Registry.start(work);
    await work.build({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' }, ['-t', 'another']);
    await work.ok('prune', '--force', '--all');
    empty = look(work.store);
  });

  /** Builds on an image, and takes its files out; some by the program, others in this process, which is faster. */
  async function take(layers: readonly MadeLayer[], changes: Changes = {}, limit?: number) {
    count += 1;
    await putImage(registry, `image-${count}`, layers, changes);
    const place = work.path(`out-${count}`);
    const dockerfile = { Dockerfile: `FROM ${registry.host}/image-${count}:1\n` };
    if (!isRoot || count % 4 === 1) {
      const env: Record<string, string> =
        limit === undefined ? {} : { STAGECRAFT_MAX_LAYER_SIZE: `${limit}` };
      return { place, ...(await work.tryBuild(dockerfile, ['-o', place], { env })) };
    }
    try {
      const context = work.context(dockerfile);
      await build({ context, store: work.store, outputs: [parseOutput(place)], maxLayerSize: limit });
      return { place, code: 0, message: '', stderr: '' };
    } catch (error) {
      assert.ok(error instanceof StagecraftError, String(error));
      return { place, code: 1, message: error.message, stderr: 'ERROR: ' };
    }
  }

  const zeros = (size: number): TarItem => ({ ...entry('zeros', { size }), content: Buffer.alloc(size) });
  /** An extended header with these records, before the entries that follow. */
  async function extended(records: readonly [key: string, value: string][], items: readonly TarItem[]) {
    const data = Buffer.from(records.map(([key, value]) => encodeRecord(key, value)).join(''), 'latin1');
    const block = Buffer.alloc(512);
    const numbers = { mode: 0o644, uid: 0, gid: 0, mtime: 0, major: 0, minor: 0 };
    encodeHeader(block, { name: 'pax', linkname: '', typeflag: 'x', size: data.length, ...numbers });
    const rest = gunzipSync((await layerOf(items)).blob);
    return packed(Buffer.concat([block, data, Buffer.alloc(-data.length & 511), rest]));
  }
  const sparse = (size: number, map: string): [string, string][] => [
    ['GNU.sparse.major', '0'],
    ['GNU.sparse.minor', '1'],
    ['GNU.sparse.size', String(size)],
    ['GNU.sparse.numblocks', '1'],
    ['GNU.sparse.map', map],
  ];
  const blob = (bytes: Uint8Array, tar: Uint8Array = bytes): MadeLayer => ({
    blob: bytes,
    diffId: digestOf(tar),
  });
  const tar = (layer: MadeLayer): Buffer => gunzipSync(layer.blob);
  const good = () => layerOf([file('good', 'good')]);
  const tooMuch = /The layer sha256:\w+ unpacks to more than the limit of 8 MiB/;
  const deep = `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`;
  const nested = (document: Record<string, unknown>, key: string): string =>
    `${JSON.stringify(document).slice(0, -1)},${JSON.stringify(key)}:${deep}}`;

  interface Case {
    readonly limit?: number;
    layers(): Promise<MadeLayer>[] | Promise<MadeLayer[]>;
    readonly changes?: Changes;
    readonly says: RegExp;
  }
  const one = (items: readonly TarItem[], says: RegExp): Case => ({ layers: () => [layerOf(items)], says });
  const bomb = (layer: () => Promise<MadeLayer>): Case => ({
    layers: () => [layer()],
    limit: 8 << 20,
    says: tooMuch,
  });
  const says = (says: RegExp, changes: Changes): Case => ({ layers: () => [good()], changes, says });
  const refused: Record<string, Case> = {
    'a name that leads out': one(
      [file('../evil', 'x')],
      /"\.\.\/evil" of the layer \S+ leads out of the root/,
    ),
    'a name that leads out in the middle': one([file('a/../../evil', 'x')], /leads out of the root/),
    'a hard link out': one([hard('passwd', '../../etc/passwd')], /links to "\S+", outside of the root/),
    'a hard link to a file of the machine': one([hard('passwd', '/etc/passwd')], /which is no file/),
    'a hard link through a symlink out': one(
      [link('d', '/etc'), hard('passwd', 'd/passwd')],
      /links to "d\/passwd", which is no file/,
    ),
    'a whiteout of the directory above': one([directory('d'), entry('d/.wh...')], /is a whiteout of nothing/),
    'a file in the place of the root': one([file('./', 'x')], /would replace the root/),
    'a device that stands where a directory should': one(
      [file('d', 'x'), file('d/in', 'x')],
      /"d\/in" of the layer \S+ lies in something that is no directory/,
    ),
    'a gzip bomb': bomb(() => layerOf([zeros(24 << 20)])),
    'a gzip bomb of many members': bomb(async () => {
      const bytes = tar(await layerOf([zeros(24 << 20)]));
      const member = gzipSync(bytes.subarray(1024, 1024 + (8 << 20)));
      return blob(Buffer.concat([gzipSync(bytes.subarray(0, 1024)), ...Array(3).fill(member)]));
    }),
    'a zstd bomb of many frames': bomb(async () => {
      const bytes = tar(await layerOf([zeros(24 << 20)]));
      const frame = zstdCompressSync(bytes.subarray(1024, 1024 + (8 << 20)));
      return blob(Buffer.concat([zstdCompressSync(bytes.subarray(0, 1024)), ...Array(3).fill(frame)]));
    }),
    'zeros without end behind the end': bomb(async () => packed(Buffer.alloc(24 << 20))),
    'more files than there is room for': bomb(() =>
      layerOf(Array.from({ length: 2100 }, (_, n) => entry(`${n}`))),
    ),
    'a petabyte of holes, where nobody set a limit': {
      layers: () => [extended(sparse(2 ** 50, `${2 ** 50 - 1},1`), [file('hole', 'x')])],
      says: /unpacks to more than the limit of 16 GiB, with "hole"/,
    },
    'parts of a file that overlap': {
      layers: () => [extended(sparse(100, '0,1,0,1'), [file('hole', 'xy')])],
      says: /is damaged: a sparse file has parts that overlap/,
    },
    'an extended header of two megabytes': {
      layers: () => [extended([['comment', 'x'.repeat(2 << 20)]], [file('a', 'a')])],
      says: /an extended header is larger than 1048576 bytes/,
    },
    'an attribute that no file system takes': {
      layers: () => [extended([['SCHILY.xattr.user.big', 'x'.repeat(100_000)]], [file('a', 'a')])],
      says: /The entry "a" of the layer \S+ cannot be made/,
    },
    'zstd that wants gigabytes of memory': {
      layers: async () => {
        const bytes = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00]);
        return [blob(bytes)];
      },
      says: /The zstd data is damaged or cut off: .*memory/,
    },
    'a layer that is cut off': {
      layers: async () => {
        const { blob, diffId } = await good();
        return [{ blob: blob.subarray(0, -12), diffId: diffId! }];
      },
      says: /The gzip data is damaged or cut off/,
    },
    'a layer that is no archive': {
      layers: async () => [blob(Buffer.from('no archive at all'))],
      says: /is damaged/,
    },
    'a layer that the config knows as another': {
      layers: async () => [{ ...(await good()), diffId: digestOf('another') }],
      says: /has the content sha256:\w+, but the image's config says sha256:/,
    },
    'a config that counts other layers': says(/has 1 layers, but its config counts 0/, {
      config: config => ({ ...config, rootfs: { type: 'layers', diff_ids: [] } }),
    }),
    'a config that is no config': says(/config of image \S+ does not say its os/, {
      config: () => ({ rootfs: {} }),
    }),
    'a config nested a million deep': says(/is nested/, { config: config => nested(config, 'config') }),
    'an index that gives the manifest another size': says(/has \d+ bytes where its index says 7/, {
      index: entry => ({ schemaVersion: 2, manifests: [{ ...entry, size: 7 }] }),
    }),
    'an index without this platform': says(/is not made for linux\/\w+; it is for plan9\/mips/, {
      index: entry => ({
        schemaVersion: 2,
        manifests: [{ ...entry, platform: { os: 'plan9', architecture: 'mips' } }],
      }),
    }),
  };

  for (const [name, { layers, changes, limit, says }] of Object.entries(refused))
    test(`${name} is refused, and the store is as it was`, async () => {
      const { code, message, stderr, place } = await take(await Promise.all(await layers()), changes, limit);
      assert.equal(code, 1);
      assert.match(message, says);
      assert.equal(stderr.match(/^ERROR: /gm)?.length, 1, stderr);
      assert.doesNotMatch(stderr, /STAGECRAFT_DEBUG/);
      assert.ok(!existsSync(place));
      assert.deepEqual(look(work.store), empty);
    });

  test('what stays within its root is unpacked as Docker has it', async () => {
    const outside = work.path('outside');
    writeFileSync(outside, 'untouched');
    const { code, message, place } = await take([
      await layerOf([
        file('/absolute', 'within'),
        link('up', '../../../../../../../../../..'),
        link('away', work.directory),
        file('away/outside', 'evil'),
        file('up/there', 'within'),
        file('twice', 'first'),
        file('twice', 'second'),
        directory('kind'),
        file('kind', 'a file now'),
      ]),
    ]);
    assert.equal(code, 0, message);
    assert.equal(readFileSync(outside, 'utf8'), 'untouched');
    assert.equal(readlinkSync(join(place, 'up')), '../../../../../../../../../..');
    for (const [path, text] of [
      ['absolute', 'within'],
      ['there', 'within'],
      ['twice', 'second'],
      ['kind', 'a file now'],
      [join(work.directory, 'outside'), 'evil'],
    ] as const)
      assert.equal(readFileSync(join(place, path), 'utf8'), text);
  });

  test('a limit of 0 lifts it', async () => {
    const { code, message } = await take([await layerOf([zeros(16 << 20)])], {}, 0);
    assert.equal(code, 0, message);
  });

  test('devices are made by root', { skip: !isRoot && 'needs root' }, async () => {
    const device = entry('null', { type: 'char', mode: 0o666, major: 1, minor: 3 });
    const { code, message, place } = await take([await layerOf([device])]);
    assert.equal(code, 0, message);
    assert.ok(lstatSync(join(place, 'null')).isCharacterDevice());
  });
});
