import assert from 'node:assert/strict';
import { lstatSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TarHeader } from '../tar/header.ts';
import { type TarItem, writeTar } from '../tar/writer.ts';
import { StagecraftError } from '../util/errors.ts';
import { Allowance } from './allowance.ts';
import { contentOf, describeTree, directory, openWorkshop, packed, plain } from './testing.ts';
import type { RootFs, UnpackedLayer, UnpackOptions } from './types.ts';

const workshop = openWorkshop();
const { layers } = workshop;
const isRoot = process.geteuid!() === 0;

type Given = Partial<TarHeader> & Pick<TarHeader, 'name'> & { content?: string };

function items(entries: readonly Given[]): TarItem[] {
  return entries.map(({ content, ...header }) => ({
    header: {
      type: 'file',
      mode: header.type === 'directory' ? 0o755 : 0o644,
      size: content?.length ?? 0,
      ...header,
    },
    ...(content !== undefined && { content: Buffer.from(content, 'latin1') }),
  }));
}

async function unpack(
  entries: readonly Given[],
  below: RootFs = [],
  options: UnpackOptions = {},
): Promise<UnpackedLayer & { rootFs: RootFs }> {
  const draft = layers.create();
  try {
    const result = await layers.unpack(writeTar(items(entries)), draft, below, options);
    return { ...result, rootFs: [...below, draft.commit()] };
  } catch (error) {
    draft.discard();
    throw error;
  }
}

function paths(rootFs: RootFs): string[] {
  return describeTree(layers.view(rootFs))
    .slice(1)
    .map(line => line.split(' ')[0]!);
}

const dir = (name: string): Given => ({ name, type: 'directory' });
const file = (name: string, content = name): Given => ({ name, content });
const link = (name: string, linkname: string): Given => ({ name, linkname, type: 'symlink' });
const hard = (name: string, linkname: string): Given => ({ name, linkname, type: 'hardlink' });

const base = await unpack([
  dir('etc'),
  file('etc/passwd'),
  dir('etc/conf.d'),
  file('etc/conf.d/a'),
  file('etc/conf.d/b'),
  link('lib', 'usr/lib'),
  dir('usr'),
  { ...dir('usr/lib'), mode: 0o711, uid: 33, gid: 44, mtimeNs: 7_000_000_000n },
]);

test('owners, modes, times, attributes and types are those of the archive', async () => {
  const xattrs = new Map([['user.a', Buffer.from([1, 0, 2])]]);
  const { rootFs, dependsOnBelow } = await unpack([
    { ...dir('d'), mode: 0o1777, uid: 5, gid: 6, mtimeNs: 3_000_000_000n, xattrs },
    { ...file('d/su'), mode: 0o6755, uid: 7, gid: 8, mtimeNs: -5_000_000_000n, xattrs },
    { ...link('d/link', '../nowhere'), mtimeNs: 9_000_000_000n },
    { name: 'd/pipe', type: 'fifo', mode: 0o600 },
    { name: 'd/\xff\xfe', content: '' },
  ]);
  assert.deepEqual(describeTree(layers.view(rootFs)).slice(1), [
    '/d directory 1777 5:6 3 user.a=010002',
    '/d/link symlink ../nowhere 0:0 9',
    '/d/pipe fifo 600 0:0 0',
    '/d/su file 6755 7:8 -5 "d/su" user.a=010002',
    '/d/\xff\xfe file 644 0:0 0 ""',
  ]);
  assert.equal(dependsOnBelow, false);
});

test('file capabilities survive unpacking and packing', {
  skip: !isRoot && 'only root may set them',
}, async () => {
  // cap_net_raw=ep, as capabilities(7) stores it.
  const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');
  const { rootFs } = await unpack([
    { ...file('ping'), uid: 12, mode: 0o755, xattrs: new Map([['security.capability', capability]]) },
  ]);
  assert.deepEqual(Buffer.from(layers.view(rootFs).xattrs('/ping').get('security.capability')!), capability);
  assert.ok((await packed(layers, rootFs[0]!)).includes('SCHILY.xattr.security.capability='));
});

test('attributes that belong to the machine, to overlayfs or to us are not taken from an archive', async () => {
  const xattrs = new Map(
    ['trusted.overlay.opaque', 'user.overlay.opaque', 'user.stagecraft.owner', 'security.selinux'].map(
      name => [name, Buffer.from('y')],
    ),
  );
  const { rootFs } = await unpack([dir('etc'), { ...dir('etc/conf.d'), xattrs }], base.rootFs);
  assert.deepEqual(layers.view(rootFs).list('/etc/conf.d'), ['a', 'b']);
  assert.equal(layers.view(rootFs).lstat('/etc/conf.d')!.uid, 0);
});

test('devices are made as root, and elsewhere left out with a note', async () => {
  const notes: string[] = [];
  const device: Given = { name: 'null', type: 'char', mode: 0o666, major: 1, minor: 3 };
  const { rootFs } = await unpack([device, file('after')], [], { note: message => notes.push(message) });
  const entry = layers.view(rootFs).lstat('/null');
  if (entry) assert.deepEqual(entry.rdev, { major: 1, minor: 3 });
  else assert.match(notes[0]!, /The device "null"/);
  assert.ok(layers.view(rootFs).lstat('/after'));
});

test('whiteouts hide what lies below and nothing of their own layer', async () => {
  const { rootFs } = await unpack(
    [
      dir('etc'),
      file('etc/.wh.passwd', ''),
      file('etc/new'),
      file('etc/.wh.new', ''),
      file('.wh.lib', ''),
      dir('etc/conf.d'),
      file('etc/conf.d/.wh..wh..opq', ''),
      file('etc/conf.d/c'),
    ],
    base.rootFs,
  );
  assert.deepEqual(paths(rootFs), ['/etc', '/etc/conf.d', '/etc/conf.d/c', '/etc/new', '/usr', '/usr/lib']);
});

test('an opaque mark that comes after its siblings keeps them', async () => {
  const { rootFs } = await unpack(
    [dir('etc'), dir('etc/conf.d'), file('etc/conf.d/c'), file('etc/conf.d/.wh..wh..opq', '')],
    base.rootFs,
  );
  assert.deepEqual(layers.view(rootFs).list('/etc/conf.d'), ['c']);
});

test('an opaque root hides all below', async () => {
  const { rootFs } = await unpack([file('.wh..wh..opq', ''), dir('usr'), file('usr/x')], base.rootFs);
  assert.deepEqual(paths(rootFs), ['/usr', '/usr/x']);
});

test('a directory in the place of a whiteout shows nothing of the one below', async () => {
  for (const order of [
    [file('etc/.wh.conf.d', ''), dir('etc/conf.d')],
    [dir('etc/conf.d'), file('etc/.wh.conf.d', '')],
  ]) {
    const { rootFs } = await unpack([dir('etc'), ...order], base.rootFs);
    assert.deepEqual(layers.view(rootFs).list('/etc/conf.d'), []);
  }
});

test('the last of repeated entries counts, whatever its type', async () => {
  const { rootFs } = await unpack(
    [
      dir('etc'),
      file('etc/conf.d', 'a file'),
      dir('etc/conf.d'),
      dir('x'),
      file('x/below'),
      link('x', '/etc'),
      file('y', 'one'),
      file('y', 'two'),
    ],
    base.rootFs,
  );
  const view = layers.view(rootFs);
  assert.deepEqual(view.list('/etc/conf.d'), [], 'the file in between hid what was below');
  assert.equal(view.readlink('/x'), '/etc');
  assert.equal(contentOf(view, '/y'), '"two"');
  assert.equal(view.lstat('/etc/below'), undefined);
});

test('a directory without entry gets the metadata that it has below, and the result says so', async () => {
  const { rootFs, dependsOnBelow } = await unpack([file('usr/lib/x')], base.rootFs);
  assert.equal(dependsOnBelow, true);
  const entry = layers.view(rootFs).lstat('/usr/lib')!;
  assert.deepEqual([entry.mode, entry.uid, entry.gid, entry.mtimeNs], [0o711, 33, 44, 7_000_000_000n]);
});

test('an entry behind a symlink of the layer below lies where the link leads', async () => {
  const { rootFs, dependsOnBelow } = await unpack([file('lib/x')], base.rootFs);
  assert.equal(dependsOnBelow, true);
  assert.equal(layers.view(rootFs).lstat('/lib')!.type, 'symlink');
  assert.equal(contentOf(layers.view(rootFs), '/usr/lib/x'), '"lib/x"');
});

test('a hard link shares its file, also one of the layer below', async () => {
  const { rootFs, dependsOnBelow } = await unpack([file('a'), hard('b', './a')]);
  const [a, b] = ['/a', '/b'].map(path => layers.view(rootFs).lstat(path)!);
  assert.equal(a!.ino, b!.ino);
  assert.equal(dependsOnBelow, false);
  const above = await unpack([hard('copy', '/etc/passwd')], base.rootFs);
  assert.equal(contentOf(layers.view(above.rootFs), '/copy'), '"etc/passwd"');
  assert.equal(above.dependsOnBelow, true);
});

test('names with a leading slash or dot are those of the root', async () => {
  const { rootFs } = await unpack([
    file('/abs'),
    file('./rel'),
    file('a/./../b//c'),
    { ...dir('./'), mode: 0o700 },
  ]);
  assert.deepEqual(paths(rootFs), ['/abs', '/b', '/b/c', '/rel']);
  assert.equal(layers.view(rootFs).lstat('/')!.mode, 0o700);
});

const hostile: [what: string, code: string, entries: Given[]][] = [
  ['a name that climbs out', 'confined', [file('../escaped')]],
  ['a name that climbs out after some parts', 'confined', [dir('a'), file('a/../../escaped')]],
  ['an absolute name that climbs out', 'confined', [file('/../escaped')]],
  ['a hard link to what lies outside', 'confined', [hard('passwd', '../../../../../etc/passwd')]],
  ['a hard link to what is not there', 'integrity', [hard('a', '/no/such/file')]],
  ['a hard link to a directory', 'integrity', [dir('d'), hard('a', 'd')]],
  ['a whiteout of the parent directory', 'integrity', [dir('d'), file('d/.wh...', '')]],
  ['a whiteout of nothing', 'integrity', [file('.wh.', '')]],
  ['a file in the place of the root', 'integrity', [file('./')]],
  ['a file in a file', 'integrity', [file('a'), file('a/b')]],
  ['a name that no file system takes', 'integrity', [file('x'.repeat(300))]],
  ['a symlink to nothing', 'integrity', [link('a', '')]],
  ['a loop of symlinks', 'confined', [link('a', 'b'), link('b', 'a'), file('a/x')]],
];

for (const [what, code, entries] of hostile)
  test(`a layer is refused for ${what}, and leaves nothing`, async () => {
    await assert.rejects(unpack(entries, [], { what: 'the layer under test' }), error => {
      assert.ok(error instanceof StagecraftError, String(error));
      assert.equal(error.code, code);
      return true;
    });
    assert.deepEqual(readdirSync(workshop.store.path('ingest')), []);
  });

test('no symlink leads an entry out of the layer, nor a hard link to a file outside', async () => {
  const outside = join(workshop.dir, 'outside');
  writeFileSync(outside, 'untouched');
  const { rootFs } = await unpack([
    link('up', '../../../../../..'),
    link('abs', workshop.dir),
    file(`up${outside}`, 'evil'),
    file('abs/outside', 'evil'),
    link('etc', '/etc'),
    hard('shadow', `abs/outside`),
  ]);
  assert.equal(statSync(outside).size, 'untouched'.length);
  assert.equal(contentOf(layers.view(rootFs), outside), '"evil"', 'it lies within the layer instead');
  assert.ok(lstatSync(join(layers.dir(rootFs[0]!), outside)).isFile());
});

test('an archive that unpacks to more than allowed is refused before the disk is full', async () => {
  const allow = (bytes: number) => ({ allowance: new Allowance(bytes, 'the layer') });
  const refused = { code: 'integrity', message: /^The layer unpacks to more than the limit of 200000 bytes/ };
  const content = '\x01'.repeat(300_000);
  await assert.rejects(unpack([file('big', content)], [], allow(200_000)), refused);
  const many = Array.from({ length: 1000 }, (_, index) => file(`f${index}`, ''));
  await assert.rejects(unpack(many, [], allow(200_000)), refused);
  const draft = layers.create();
  // Neither what comes behind the end, nor headers that belong to no entry, are read for ever.
  const behind = [Buffer.alloc(1024), ...Array(8).fill(Buffer.alloc(1 << 16))];
  await assert.rejects(layers.unpack(sourceOf(behind), draft, [], allow(200_000)), refused);
  draft.discard();
  await unpack([file('big', content)], [], allow(400_000));
});

async function* sourceOf(chunks: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

test('a file counts as large as it reads, holes and all', () => {
  const allowance = Allowance.of(1000, undefined, 'the layer');
  allowance.spend('some', 10 * 2 ** 30);
  assert.throws(
    () => allowance.spend('hole', 2 ** 50),
    /^StagecraftError: The layer .* limit of 16 GiB, with "hole"/,
  );
  Allowance.of(2 ** 30, undefined, 'the layer').spend('large', 99 * 2 ** 30);
  Allowance.of(1000, 0, 'the layer').spend('any', 2 ** 52);
});

test('runs of zeros take no room on disk and are all there when read', async () => {
  const content = `start${'\0'.repeat(8 << 20)}end`;
  const { rootFs } = await unpack([file('sparse', content), file('hole', '\0'.repeat(1 << 20))]);
  const place = join(layers.dir(rootFs[0]!), 'sparse');
  assert.equal(statSync(place).size, content.length);
  assert.ok(statSync(place).blocks * 512 < 1 << 20);
  assert.equal(statSync(join(layers.dir(rootFs[0]!), 'hole')).size, 1 << 20);
  const archive = await packed(layers, rootFs[0]!);
  assert.ok(archive.includes('\0end'));
  assert.ok(archive.length > content.length);
});

test('a truncated stream is refused', async () => {
  const whole: Uint8Array[] = [];
  for await (const chunk of writeTar(items([file('a', 'x'.repeat(5000))]))) whole.push(chunk);
  const draft = layers.create();
  const cut = (async function* () {
    yield Buffer.concat(whole).subarray(0, 3000);
  })();
  await assert.rejects(layers.unpack(cut, draft, []), { code: 'integrity', message: /ends in the middle/ });
  draft.discard();
});

test('what was written with other tools below is left as it is', async () => {
  const below = workshop.add([], writer => {
    writer.putDirectory('/d', directory);
    writer.putFile('/d/f', { data: Buffer.from('below') }, plain);
  });
  const { rootFs } = await unpack([dir('d'), file('d/f', 'above')], below);
  assert.equal(contentOf(layers.view(below), '/d/f'), '"below"');
  assert.equal(contentOf(layers.view(rootFs), '/d/f'), '"above"');
});
