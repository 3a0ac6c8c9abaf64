import assert from 'node:assert/strict';
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readEntry } from './entry.ts';
import { makeOwnership } from './ownership.ts';
import { contentOf, describeTree, directory, openWorkshop, packed, plain } from './testing.ts';

const workshop = openWorkshop();
const { layers } = workshop;
const data = (text: string) => ({ data: Buffer.from(text) });
const withXattr = { ...plain, xattrs: new Map([['user.a', Buffer.from('1')]]) };

const base = workshop.add([], writer => {
  writer.putDirectory('/srv', { ...directory, mode: 0o2750, uid: 10, gid: 20, mtimeNs: 1_500_000_000n });
  writer.putFile('/srv/data', data('below'), withXattr);
  writer.putHardLink('/srv/same', '/srv/data');
  writer.putSymlink('/www', 'srv', plain);
});

test('a parent that is only below is copied up with all its metadata, time included', () => {
  const rootFs = workshop.add(base, writer => writer.putFile('/www/new', data('x'), plain));
  const entry = readEntry(join(layers.dir(rootFs[1]!), 'srv'))!;
  assert.deepEqual([entry.mode, entry.uid, entry.gid, entry.mtimeNs], [0o2750, 10, 20, 1_500_000_000n]);
  assert.deepEqual(layers.view(rootFs).list('/srv'), ['data', 'new', 'same']);
});

test('a file that never changes is linked when it has the wanted metadata, and copied when not', () => {
  const source = layers.view(base).immutablePath('/srv/data')!;
  const { ino } = layers.view(base).lstat('/srv/data')!;
  const inode = (metadata: typeof withXattr) => {
    const rootFs = workshop.add([], writer => writer.putFile('/f', { immutable: source }, metadata));
    assert.equal(contentOf(layers.view(rootFs), '/f'), '"below"');
    return layers.view(rootFs).lstat('/f')!.ino;
  };
  assert.equal(inode(withXattr), ino);
  for (const other of [
    { ...withXattr, mode: 0o600 },
    { ...withXattr, uid: 1 },
    { ...withXattr, mtimeNs: 1n },
    { ...withXattr, xattrs: new Map() },
    { ...withXattr, xattrs: new Map([['user.a', Buffer.from('2')]]) },
  ])
    assert.notEqual(inode(other), ino);
});

test('changing a linked file never changes the layer it came from', async () => {
  const before = await packed(layers, base[0]!);
  const source = layers.view(base).immutablePath('/srv/data')!;
  const rootFs = workshop.add([], writer => {
    writer.putFile('/f', { immutable: source }, withXattr);
    writer.setMetadata('/f', { mode: 0o600, uid: 99 });
    writer.putFile('/g', { immutable: source }, withXattr);
    writer.putHardLink('/h', '/g');
    writer.setMetadata('/h', { mtimeNs: 5_000_000_000n });
  });
  assert.ok((await packed(layers, base[0]!)).equals(before));
  const lines = describeTree(layers.view(rootFs)).slice(1);
  assert.deepEqual(lines, [
    '/f file 600 99:0 1600000000 "below" user.a=31',
    '/g file 644 0:0 5 "below" user.a=31',
    '/h file 644 0:0 5 "below" user.a=31',
  ]);
});

test('changing one of two linked names below leaves the other', () => {
  const rootFs = workshop.add(base, writer => writer.setMetadata('/srv/same', { mode: 0o400 }));
  assert.equal(layers.view(rootFs).lstat('/srv/data')!.mode, 0o644);
  assert.equal(layers.view(rootFs).lstat('/srv/same')!.mode, 0o400);
});

test('directories are made through symlinks, and those made are told', () => {
  workshop.add(base, writer => {
    assert.deepEqual(writer.makeDirectories('/www/a/b', directory), {
      path: '/srv/a/b',
      made: ['/srv/a', '/srv/a/b'],
    });
    assert.deepEqual(writer.makeDirectories('/www/a/b', directory), { path: '/srv/a/b', made: [] });
    assert.deepEqual(writer.makeDirectories('/', directory), { path: '/', made: [] });
    assert.throws(() => writer.makeDirectories('/srv/data/x', directory), {
      code: 'not-found',
      message: /\/srv\/data, which is not a directory/,
    });
  });
});

test('a missing parent is an error that names the path', () => {
  workshop.add(base, writer => {
    assert.throws(() => writer.putFile('/no/such/file', data(''), plain), {
      code: 'not-found',
      message: /\/no\/such\/file/,
    });
    assert.throws(() => writer.putFile('/srv/data/x', data(''), plain), { code: 'not-found' });
    assert.throws(() => writer.setMetadata('/nowhere', { mode: 0 }), { code: 'not-found' });
    assert.throws(() => writer.remove('/'), { code: 'usage' });
    assert.equal(writer.remove('/nowhere'), false);
  });
});

test('a file is written from another open file, and piece by piece', () => {
  const path = join(workshop.dir, 'source');
  writeFileSync(path, 'x'.repeat(100_000));
  const rootFs = workshop.add([], writer => {
    const fd = openSync(path, 'r');
    writer.putFile('/copied', { fd }, plain);
    closeSync(fd);
    const file = writer.createFile('/pieces', { ...plain, mode: 0o4755 });
    for (const piece of ['a', 'b', 'c']) writeSync(file.fd, piece);
    file.close();
  });
  assert.equal(layers.view(rootFs).lstat('/copied')!.size, 100_000);
  assert.equal(contentOf(layers.view(rootFs), '/pieces'), '"abc"');
  assert.equal(layers.view(rootFs).lstat('/pieces')!.mode, 0o4755);
});

test('times keep their nanoseconds', () => {
  const rootFs = workshop.add([], writer => {
    writer.putFile('/f', data(''), { ...plain, mtimeNs: 1_234_567_890_123_456_789n });
    writer.putDirectory('/d', { ...directory, mtimeNs: 123_456_789n });
    writer.putFile('/d/later', data(''), plain);
  });
  assert.equal(layers.view(rootFs).lstat('/f')!.mtimeNs, 1_234_567_890_123_456_789n);
  assert.equal(layers.view(rootFs).lstat('/d')!.mtimeNs, 123_456_789n);
});

test('what a writer wrote, another goes on with', () => {
  const draft = layers.create();
  const first = layers.writer(draft, base);
  first.remove('/srv');
  first.putDirectory('/srv', directory);
  first.putFile('/srv/one', data(''), plain);
  first.remove('/www');
  first.finish();
  const second = layers.writer(draft, base);
  assert.deepEqual(second.tree.list('/srv'), ['one']);
  assert.equal(second.tree.lstat('/www'), undefined);
  second.putFile('/srv/two', data(''), plain);
  second.finish();
  const rootFs = [...base, draft.commit()];
  assert.deepEqual(layers.view(rootFs).list('/srv'), ['one', 'two']);
  assert.equal(layers.view(rootFs).lstat('/srv')!.mtimeNs, directory.mtimeNs);
});

test('links in a path stay within the tree, and loops are an error', () => {
  const rootFs = workshop.add([], writer => {
    writer.putDirectory('/d', directory);
    writer.putSymlink('/d/up', '../../../../d', plain);
    writer.putSymlink('/d/abs', '/d', plain);
    writer.putSymlink('/d/dangling', '/no/../where', plain);
    writer.putSymlink('/loop', 'loop', plain);
    writer.putFile('/d/up/abs/file', data('here'), plain);
  });
  const view = layers.view(rootFs);
  assert.equal(contentOf(view, '/d/file'), '"here"');
  assert.equal(view.resolve('/d/abs/up/file'), '/d/file');
  assert.equal(view.resolve('/d/dangling/x'), '/where/x');
  assert.equal(view.resolve('/../d/./file/'), '/d/file');
  assert.equal(view.lstat('/d/file/x'), undefined);
  assert.throws(() => view.resolve('/loop/x'), { code: 'confined', message: /loop/ });
  assert.throws(() => view.open('/d/up'), { code: 'not-found' });
  assert.throws(() => view.list('/d/file'), { code: 'not-found' });
});

test('with one id only, owners are kept in an attribute that no image sees', () => {
  const rootFs = workshop.add([], writer => {
    writer.putFile('/f', data(''), withXattr);
    writer.putDirectory('/d', directory);
  });
  const place = join(layers.dir(rootFs[0]!), 'f');
  const single = makeOwnership('single');
  single.write(place, 'file', { uid: 33, gid: 44 });
  assert.deepEqual(single.read(place, 'file', process.geteuid!(), process.getegid!()), { uid: 33, gid: 44 });
  assert.deepEqual([...layers.view(rootFs).xattrs('/f').keys()], ['user.a']);
  single.write(place, 'file', { uid: 0, gid: 0 });
  assert.deepEqual(single.read(place, 'file', process.geteuid!(), process.getegid!()), { uid: 0, gid: 0 });
});
