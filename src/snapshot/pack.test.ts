import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TarHeader } from '../tar/header.ts';
import { TarReader } from '../tar/reader.ts';
import { fc } from '../util/property.ts';
import { applyToWriter, history } from './model.ts';
import { ownership } from './ownership.ts';
import { packLayer } from './pack.ts';
import { RootView } from './root-view.ts';
import {
  describeMounted,
  describeTree,
  directory,
  noMounts,
  openWorkshop,
  packed,
  plain,
  stream,
} from './testing.ts';
import type { LayerId, RootFs } from './types.ts';

const workshop = openWorkshop();
const { layers } = workshop;

async function entriesOf(archive: Uint8Array): Promise<TarHeader[]> {
  const reader = new TarReader(stream(archive));
  const entries = [];
  for (let header = await reader.next(); header; header = await reader.next()) entries.push(header);
  return entries;
}

async function names(id: LayerId): Promise<string[]> {
  return (await entriesOf(await packed(layers, id))).map(({ name, type }) =>
    type === 'directory' ? `${name}/` : name,
  );
}

const base = workshop.add([], writer => {
  for (const path of ['/d', '/d/sub', '/e', '/e/f']) writer.putDirectory(path, directory);
  for (const path of ['/d/x', '/d/sub/y', '/e/z', '/top'])
    writer.putFile(path, { data: Buffer.from(path) }, plain);
});

test('a layer holds what changed, in byte order, whiteouts before their siblings', async () => {
  const rootFs = workshop.add(base, writer => {
    writer.putFile('/d/a', { data: Buffer.from('new') }, plain);
    writer.putFile('/d/\xff', { data: Buffer.from('') }, plain);
    writer.putFile('/d/.hidden', { data: Buffer.from('') }, plain);
    writer.remove('/d/x');
    writer.remove('/top');
    writer.remove('/e');
    writer.putDirectory('/e', directory);
    writer.putFile('/e/only', { data: Buffer.from('') }, plain);
  });
  assert.deepEqual(await names(rootFs.at(-1)!), [
    '.wh.top',
    'd/',
    'd/.wh.x',
    'd/.hidden',
    'd/a',
    'd/\xff',
    'e/',
    'e/.wh..wh..opq',
    'e/only',
  ]);
});

test('a removed directory is one whiteout, and a removed new file is nothing', async () => {
  const rootFs = workshop.add(base, writer => {
    writer.putFile('/e/f/new', { data: Buffer.from('') }, plain);
    writer.putFile('/brief', { data: Buffer.from('') }, plain);
    writer.remove('/brief');
    writer.remove('/e');
  });
  assert.deepEqual(await names(rootFs.at(-1)!), ['.wh.e']);
});

test('names of one file are hard links of the first', async () => {
  const rootFs = workshop.add([], writer => {
    writer.putFile('/b', { data: Buffer.from('content') }, plain);
    writer.putHardLink('/c', '/b');
    writer.putHardLink('/a', '/b');
  });
  const entries = await entriesOf(await packed(layers, rootFs[0]!));
  assert.deepEqual(
    entries.map(({ name, type, linkname, size }) => [name, type, linkname, size]),
    [
      ['a', 'file', '', 7],
      ['b', 'hardlink', 'a', 0],
      ['c', 'hardlink', 'a', 0],
    ],
  );
});

test('files that a layer shares with others on disk are files, with the same bytes as copies', async () => {
  const copied = workshop.add([], writer => {
    for (const name of ['/x', '/y']) writer.putFile(name, { data: Buffer.from('/d/x') }, plain);
  });
  const source = layers.view(base).immutablePath('/d/x')!;
  const linked = workshop.add([], writer => {
    for (const name of ['/x', '/y']) writer.putFile(name, { immutable: source }, plain);
  });
  assert.equal(layers.view(linked).lstat('/x')!.ino, layers.view(base).lstat('/d/x')!.ino);
  assert.ok((await packed(layers, linked[0]!)).equals(await packed(layers, copied[0]!)));
});

test('sockets are left out, pipes are kept', async t => {
  const dir = mkdtempSync(join(workshop.dir, 'sockets-'));
  chmodSync(dir, 0o755);
  const server = createServer().listen(join(dir, 'socket'));
  await new Promise(done => server.once('listening', done));
  t.after(() => server.close());
  spawnSync('mkfifo', [join(dir, 'pipe')]);
  const chunks: Uint8Array[] = [];
  for await (const chunk of packLayer(dir)) chunks.push(chunk);
  const entries = await entriesOf(Buffer.concat(chunks));
  assert.deepEqual(
    entries.map(({ name, type }) => [name, type]),
    [['pipe', 'fifo']],
  );
});

test('times later than the latest one asked for become it, others stay', async () => {
  const rootFs = workshop.add([], writer => {
    writer.putFile('/old', { data: Buffer.from('') }, { ...plain, mtimeNs: 5_999_999_999n });
    writer.putFile('/new', { data: Buffer.from('') }, plain);
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of packLayer(layers.dir(rootFs[0]!), { latestTime: 10 })) chunks.push(chunk);
  const times = (await entriesOf(Buffer.concat(chunks))).map(({ name, mtimeNs }) => [name, mtimeNs]);
  assert.deepEqual(times, [
    ['new', 10_000_000_000n],
    ['old', 5_000_000_000n],
  ]);
});

test('the root is told of only where it is not the usual one', async () => {
  const usual = workshop.add([], writer => writer.putFile('/a', { data: Buffer.from('') }, plain));
  assert.deepEqual(await names(usual[0]!), ['a']);
  const other = workshop.add(usual, writer => writer.setMetadata('/', { mode: 0o700 }));
  assert.deepEqual(await names(other[1]!), ['./']);
  assert.equal(layers.view(other).lstat('/')!.mode, 0o700);
});

test('an archive stops being made when the signal fires', async () => {
  const rootFs = workshop.add([], writer => {
    const file = writer.createFile('/big', plain);
    ftruncateSync(file.fd, 2 ** 40);
    file.close();
  });
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error('stopped')), 30);
  await assert.rejects(async () => {
    for await (const _ of packLayer(layers.dir(rootFs[0]!), { signal: controller.signal }));
  }, /stopped/);
});

test('what the kernel wrote into an upper directory packs to what it shows', { skip: noMounts }, async () => {
  const script = `
    echo changed > top; rm d/x; rm -r e; mkdir e; echo fresh > e/fresh; mkdir -p new/deep; echo n > new/deep/n
    ln d/sub/y d/sub/hard; chmod 4711 d/sub/y; ln -s ../nowhere link; mkfifo pipe; mknod null c 1 3 || :
    rm -r d/sub; mkdir -p d/sub; mv new moved; touch -d @1000000 moved; chown 12:34 moved/deep/n || :; rm top; mkdir top
  `;
  const draft = layers.create(base);
  const upper = { upper: draft.dir, work: draft.workDir, script };
  const shown = describeMounted(base.map(layers.dir, layers), workshop.dir, upper);
  assert.ok(shown.some(line => line.startsWith('/moved directory 755 0:0 1000000')));
  const rootFs = [...base, draft.commit()];
  assert.deepEqual(describeTree(layers.view(rootFs)), shown);
  const archive = await packed(layers, rootFs[1]!);
  const again = layers.create();
  await layers.unpack(stream(archive), again, base);
  assert.deepEqual(describeTree(layers.view([base[0]!, again.commit()])), shown);
});

test('a directory that the kernel made new hides nothing once its layer is put on another base', {
  skip: noMounts,
}, async () => {
  const draft = layers.create(base);
  const script = 'mkdir -p opt/tool; echo 1 > opt/tool/one; rm -r d; mkdir d; echo 2 > d/two';
  describeMounted(base.map(layers.dir, layers), workshop.dir, {
    upper: draft.dir,
    work: draft.workDir,
    script,
  });
  const made = draft.commit();
  assert.deepEqual(await names(made), ['d/', 'd/.wh..wh..opq', 'd/two', 'opt/', 'opt/tool/', 'opt/tool/one']);
  const other = workshop.add([], writer => {
    writer.makeDirectories('/opt/tool', directory);
    writer.putFile('/opt/tool/other', { data: Buffer.from('') }, plain);
  });
  assert.deepEqual(layers.view([other[0]!, made]).list('/opt/tool'), ['one', 'other']);
});

const hasUmoci = spawnSync('umoci', ['--version']).status === 0;
const noUmoci = !hasUmoci
  ? 'umoci is not installed'
  : ownership().kind !== 'real' && 'umoci keeps owners only as root';

test('umoci unpacks our layers to the tree we show', { skip: noUmoci }, async () => {
  for (const [index, steps] of fc.sample(history, { numRuns: 6, seed: 42 }).entries()) {
    let rootFs: RootFs = [];
    for (const changes of steps)
      rootFs = workshop.add(rootFs, writer => {
        for (const change of changes) applyToWriter(writer, change);
      });
    const bundle = join(workshop.dir, `bundle-${index}`);
    const layout = await writeLayout(rootFs, `layout-${index}`);
    const run = spawnSync('umoci', ['unpack', '--image', `${layout}:it`, bundle], { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
    // umoci knows nothing of a root's own metadata without an entry for it.
    assert.deepEqual(
      describeTree(new RootView([join(bundle, 'rootfs')])).slice(1),
      describeTree(layers.view(rootFs)).slice(1),
    );
    rmSync(bundle, { recursive: true });
  }
});

/** The least image layout that other tools read, with uncompressed layers. */
async function writeLayout(rootFs: RootFs, name: string): Promise<string> {
  const layout = join(workshop.dir, name);
  const blobs = join(layout, 'blobs/sha256');
  mkdirSync(blobs, { recursive: true });
  const put = (data: Uint8Array, mediaType: string) => {
    const hex = createHash('sha256').update(data).digest('hex');
    writeFileSync(join(blobs, hex), data);
    return { mediaType, digest: `sha256:${hex}`, size: data.length };
  };
  const json = (value: unknown, type: string) =>
    put(Buffer.from(JSON.stringify(value)), `application/vnd.oci.image.${type}.v1+json`);
  const tars = [];
  for (const id of rootFs) tars.push(put(await packed(layers, id), 'application/vnd.oci.image.layer.v1.tar'));
  const diffIds = tars.map(({ digest }) => digest);
  const config = json(
    { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: diffIds } },
    'config',
  );
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = json({ schemaVersion: 2, mediaType, config, layers: tars }, 'manifest');
  const annotations = { 'org.opencontainers.image.ref.name': 'it' };
  writeFileSync(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(
    join(layout, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
  );
  return layout;
}

test('GNU tar unpacks a layer without whiteouts to the tree we show', async t => {
  const version = spawnSync('tar', ['--version'], { encoding: 'utf8' }).stdout ?? '';
  if (!version.includes('GNU tar') || ownership().kind !== 'real') return t.skip('needs GNU tar and root');
  const target = mkdtempSync(join(workshop.dir, 'gnu-'));
  const rootFs = workshop.add([], writer => {
    for (const path of ['/bin', '/bin/\xfe', '/tmp'])
      writer.putDirectory(path, { ...directory, mode: 0o1777 });
    writer.putFile(
      '/bin/\xfe/ü',
      { data: Buffer.alloc(100_000, 'x') },
      { ...plain, uid: 3_000_000, mode: 0o4755 },
    );
    writer.putSymlink('/link', `${'long/'.repeat(30)}`, plain);
    writer.putHardLink('/hard', '/bin/\xfe/ü');
    writer.putNode('/pipe', 'fifo', { major: 0, minor: 0 }, plain);
    writer.setMetadata('/bin', { xattrs: new Map([['user.a', Buffer.from('b')]]) });
  });
  writeFileSync(join(workshop.dir, 'layer.tar'), await packed(layers, rootFs[0]!));
  const flags = ['--xattrs', '--xattrs-include=*', '--numeric-owner', '-xpf'];
  const run = spawnSync('tar', ['-C', target, ...flags, join(workshop.dir, 'layer.tar')], {
    encoding: 'utf8',
  });
  assert.equal(run.status, 0, run.stderr);
  assert.equal(run.stderr, '');
  assert.deepEqual(describeTree(new RootView([target])).slice(1), describeTree(layers.view(rootFs)).slice(1));
});

test('packing never follows a symlink out of the layer', async () => {
  const dir = mkdtempSync(join(workshop.dir, 'links-'));
  chmodSync(dir, 0o755);
  symlinkSync('/etc', join(dir, 'etc'));
  const chunks: Uint8Array[] = [];
  for await (const chunk of packLayer(dir)) chunks.push(chunk);
  const entries = await entriesOf(Buffer.concat(chunks));
  assert.deepEqual(
    entries.map(({ name, type, linkname }) => [name, type, linkname]),
    [['etc', 'symlink', '/etc']],
  );
});
