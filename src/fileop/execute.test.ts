import assert from 'node:assert/strict';
import { lstatSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { FileActionKind } from '../llb/ops.ts';
import { unsetTimeNs } from '../snapshot/times.ts';
import type { RootFs } from '../snapshot/types.ts';
import { LocalTree } from '../source/local.ts';
import { setXattr } from '../syscall/xattrs.ts';
import { executeFileOp } from './execute.ts';
import { chain, copyAction, Workshop } from './testing.ts';

process.umask(0o022);
const shop = new Workshop();
after(() => shop.close());

const mkdir = (path: string, makeParents = true, rest = {}): FileActionKind => ({
  ...{ kind: 'mkdir', path, mode: 0o755, makeParents, timestamp: -1n },
  ...rest,
});
const mkfile = (path: string, text: string, rest = {}): FileActionKind => ({
  ...{ kind: 'mkfile', path, mode: 0o644, data: Buffer.from(text), timestamp: -1n },
  ...rest,
});
const symlink = (newPath: string, oldPath: string): FileActionKind => ({
  ...{ kind: 'symlink', newPath, oldPath, timestamp: -1n },
});
const rm = (path: string, rest = {}): FileActionKind => ({
  ...{ kind: 'rm', path, allowNotFound: false, allowWildcard: false },
  ...rest,
});

async function made(base: RootFs, ...actions: FileActionKind[]): Promise<string[]> {
  return shop.show(await shop.run(base, {}, actions));
}

test('directories are made with their parents where asked for, and left alone where they exist', async () => {
  const owner = { user: { byId: 5 } };
  assert.deepEqual(await made([], mkdir('/a/b', true, { owner }), mkdir('/a', true, { mode: 0o700 })), [
    '/a 755 5:5 dir',
    '/a/b 755 5:5 dir',
  ]);
  assert.deepEqual(await made([], mkdir('/a', false), mkdir('/a', false)), ['/a 755 dir']);
  await assert.rejects(made([], mkdir('/a/b', false)), { code: 'not-found' });
  await assert.rejects(made([], mkfile('/a', ''), mkdir('/a/b')), { code: 'not-found' });
  const rootFs = await shop.run([], {}, [mkdir('/a')]);
  assert.equal(shop.tree(rootFs).lstat('/a')!.mtimeNs, unsetTimeNs);
});

test('a file is written through symlinks and keeps the mode of one that was there', async () => {
  assert.deepEqual(
    await made(
      [],
      mkfile('/f', 'one', { mode: 0o600 }),
      mkfile('/f', 'two'),
      symlink('/l', '/g'),
      mkfile('/l', 'g'),
    ),
    ['/f 600 "two"', '/g 644 "g"', '/l -> /g'],
  );
  await assert.rejects(made([], mkfile('/no/f', '')), { code: 'not-found' });
  await assert.rejects(made([], mkdir('/d'), mkfile('/d', '')), { code: 'usage' });
});

test('a symlink is made, but not over something', async () => {
  assert.deepEqual(await made([], symlink('/l', '../../x')), ['/l -> ../../x']);
  await assert.rejects(made([], mkdir('/d'), symlink('/d', 'x')), { code: 'usage' });
});

test('what lies in layers below is removed, also by pattern; a symlink only itself', async () => {
  const base = await shop.run([], { 'a/1.txt': '', 'a/2.txt': '', 'a/3.md': '', 'b/c/d': '', l: '->b' }, [
    copyAction('/', '/'),
  ]);
  assert.deepEqual(await made(base, rm('/a/*.txt', { allowWildcard: true }), rm('/b/c'), rm('/l')), [
    '/a 755 dir',
    '/a/3.md 644 ""',
    '/b 755 dir',
  ]);
  assert.deepEqual((await made(base, rm('/l/c'))).slice(-2), ['/b 755 dir', '/l -> b']);
  await assert.rejects(made(base, rm('/nothing')), { code: 'not-found' });
  await assert.rejects(made(base, rm('/b/c/d/e')), { code: 'not-found' });
  assert.deepEqual(await made([], rm('/nothing', { allowNotFound: true })), []);
  await assert.rejects(made(base, rm('/')), { code: 'usage' });
});

test('all actions of a chain make one layer, and equal operations make equal layers', async () => {
  const run = () =>
    shop.run([], { f: 'f' }, [mkdir('/a'), copyAction('/f', '/a/'), mkfile('/a/g', 'g'), rm('/a/f')]);
  const [one, two] = [await run(), await run()];
  assert.equal(one.length, 1);
  assert.deepEqual(shop.show(one), ['/a 755 dir', '/a/g 644 "g"']);
  for (const path of ['/a', '/a/g'])
    assert.equal(shop.tree(one).lstat(path)!.mtimeNs, shop.tree(two).lstat(path)!.mtimeNs);
});

test('an operation may have several outputs, and copy from what its own actions made', async () => {
  const scratch = { input: -1, secondaryInput: -1, output: -1 };
  const { outputs } = await executeFileOp(
    {
      actions: [
        { ...scratch, action: mkfile('/f', 'f') },
        { input: 0, secondaryInput: -1, output: 1, action: mkfile('/g', 'g') },
        { input: -1, secondaryInput: 1, output: 0, action: copyAction('/', '/copy') },
      ],
    },
    [],
    shop.services,
  );
  assert.deepEqual(shop.show(outputs[0]!), ['/copy 755 dir', '/copy/f 644 "f"', '/copy/g 644 "g"']);
  assert.deepEqual(shop.show(outputs[1]!), ['/f 644 "f"', '/g 644 "g"']);
});

test('an operation that fails leaves no draft', async () => {
  const before = readdirSync(shop.store.path('ingest'));
  await assert.rejects(made([], mkdir('/a'), mkfile('/b/c', '')));
  assert.deepEqual(readdirSync(shop.store.path('ingest')), before);
  const circle = { input: 1, secondaryInput: -1, output: 0, action: mkdir('/a') };
  await assert.rejects(executeFileOp({ actions: [circle] }, [{ rootFs: [] }], shop.services), {
    code: 'usage',
  });
});

const onDisk = (layer: string, path: string) => lstatSync(shop.layers.dir(layer) + path);

test('after a change of one file the others are those of the previous layer, linked', async () => {
  const root = shop.context({ 'd/same': 'same', 'd/changed': 'before', 'd/touched': 't', gone: '' });
  const actions = [copyAction('/', '/app/')];
  const [one] = await shop.run([], root, actions);
  writeFileSync(join(root, 'd/changed'), 'after');
  utimesSync(join(root, 'd/touched'), 1000, 1000);
  rmSync(join(root, 'gone'));
  const two = await shop.run([], root, actions, { previous: [one!] });
  assert.deepEqual(shop.show(two), [
    '/app 755 dir',
    '/app/d 755 dir',
    '/app/d/changed 644 "after"',
    '/app/d/same 644 "same"',
    '/app/d/touched 644 "t"',
  ]);
  const ino = (path: string) => [one!, two[0]!].map(layer => onDisk(layer, path).ino);
  assert.equal(...(ino('/app/d/same') as [number, number]));
  assert.notEqual(...(ino('/app/d/changed') as [number, number]));
  assert.equal(shop.tree(two).lstat('/app/d/touched')!.mtimeNs, 1000_000_000_000n);
  assert.equal(shop.read([one!], '/app/d/changed'), 'before');
  // The next one may link what the second had linked, even when the first is gone.
  shop.layers.remove(one!);
  const three = await shop.run([], root, actions, { previous: [one!, two[0]!] });
  assert.equal(onDisk(three[0]!, '/app/d/same').ino, onDisk(two[0]!, '/app/d/same').ino);
});

test('another mode or owner makes another file, the previous one stays as it was', async () => {
  const root = shop.context({ f: 'f' });
  const [one] = await shop.run([], root, [copyAction('/f', '/f')]);
  for (const rest of [{ mode: 0o600 }, { owner: { user: { byId: 9 } } }, { timestamp: 7n }]) {
    const two = await shop.run([], root, [copyAction('/f', '/f', rest)], { previous: [one!] });
    assert.notEqual(onDisk(one!, '/f').ino, onDisk(two[0]!, '/f').ino);
  }
  assert.equal(onDisk(one!, '/f').mode & 0o7777, 0o644);
});

test('a file of a previous layer that the image has already is copied, not linked', async () => {
  const root = shop.context({ f: 'f' });
  const [one] = await shop.run([], root, [copyAction('/f', '/f')]);
  const two = await shop.run([one!], root, [copyAction('/f', '/f')], { previous: [one!] });
  assert.notEqual(onDisk(one!, '/f').ino, onDisk(two[1]!, '/f').ino);
});

test('what is written over a linked file leaves the previous layer alone', async () => {
  const root = shop.context({ f: 'long content', g: 'g' });
  const actions = [copyAction('/', '/'), mkfile('/f', 'new'), mkfile('/g', 'G')];
  const [one] = await shop.run([], root, [copyAction('/', '/')]);
  const two = await shop.run([], root, actions, { previous: [one!] });
  assert.equal(shop.read([one!], '/f'), 'long content');
  assert.equal(shop.read(two, '/f'), 'new');
});

test('files of a stage are linked where nothing about them changes', async () => {
  const stage = await shop.run([], { f: 'f', g: 'g' }, [copyAction('/', '/')]);
  const final = await shop.runOn([], { rootFs: stage }, [
    copyAction('/f', '/bin/'),
    copyAction('/g', '/g', { mode: 0o755 }),
  ]);
  assert.equal(onDisk(final[0]!, '/bin/f').ino, onDisk(stage[0]!, '/f').ino);
  assert.notEqual(onDisk(final[0]!, '/g').ino, onDisk(stage[0]!, '/g').ino);
  assert.deepEqual(shop.show(final), ['/bin 755 dir', '/bin/f 644 "f"', '/g 755 "g"']);
  assert.equal(onDisk(stage[0]!, '/g').mode & 0o7777, 0o644);
});

test('a file that changes between its key and its copy makes a result that is not to be remembered', async () => {
  const root = shop.context({ f: 'before' });
  const tree = new LocalTree(root);
  const actions = [copyAction('/f', '/f')];
  await shop.keyOn(tree, actions);
  await setTimeout(20);
  writeFileSync(join(root, 'f'), 'after it');
  const result = await executeFileOp(chain(...actions), [{ rootFs: [] }, { tree }], shop.services);
  assert.equal(result.cacheable, false);
  assert.equal(shop.read(result.outputs[0]!, '/f'), 'after it');
  tree.close();
  const again = new LocalTree(root);
  const steady = await executeFileOp(chain(...actions), [{ rootFs: [] }, { tree: again }], shop.services);
  assert.equal(steady.cacheable, true);
  again.close();
});

test('a change that leaves no trace in the times of a file is noticed as well', async () => {
  for (let i = 0; i < 10; i++) {
    const root = shop.context({ f: 'before' });
    const tree = new LocalTree(root, { store: shop.store });
    const actions = [copyAction('/f', '/f')];
    await shop.keyOn(tree, actions);
    // In the tick of the file system's clock in which it was made and hashed.
    writeFileSync(join(root, 'f'), 'behind');
    const result = await executeFileOp(chain(...actions), [{ rootFs: [] }, { tree }], shop.services);
    assert.equal(result.cacheable, false);
    tree.close();
  }
});

test('file capabilities of a context are copied and belong to the key, other attributes are not', async t => {
  if (process.getuid?.() !== 0) return t.skip('only root may set file capabilities');
  const root = shop.context({ f: 'f' });
  const actions = [copyAction('/f', '/f')];
  const plain = await shop.key(root, actions);
  setXattr(join(root, 'f'), 'user.note', 'x');
  assert.equal(await shop.key(root, actions), plain);
  // CAP_NET_RAW, permitted and effective: struct vfs_cap_data of capability.h.
  const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');
  setXattr(join(root, 'f'), 'security.capability', capability);
  assert.notEqual(await shop.key(root, actions), plain);
  let previous: string[] = [];
  for (let i = 0; i < 2; i++) {
    const rootFs = await shop.run([], root, actions, { previous });
    const xattrs = shop.tree(rootFs).xattrs('/f');
    assert.deepEqual([...xattrs.keys()], ['security.capability']);
    assert.deepEqual(Buffer.from(xattrs.get('security.capability')!), capability);
    previous = [...rootFs];
  }
});

test('a copy stops when the build is cancelled, and leaves nothing', async () => {
  const root = shop.context(Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`f${i}`, ''])));
  const tree = new LocalTree(root);
  const before = readdirSync(shop.store.path('ingest'));
  const controller = new AbortController();
  const run = executeFileOp(chain(copyAction('/', '/')), [{ rootFs: [] }, { tree }], {
    ...shop.services,
    signal: controller.signal,
  });
  controller.abort(new Error('enough'));
  await assert.rejects(run, /enough/);
  assert.deepEqual(readdirSync(shop.store.path('ingest')), before);
  tree.close();
});

test('a result that will be written to shares no file with a layer', async () => {
  const stage = await shop.run([], { f: 'f' }, [copyAction('/f', '/f')]);
  const { outputs } = await executeFileOp(
    chain(copyAction('/', '/')),
    [{ rootFs: [] }, { rootFs: stage }],
    { ...shop.services, unshared: true },
    [stage[0]!],
  );
  assert.equal(onDisk(outputs[0]![0]!, '/f').nlink, 1);
});

test('where files cannot be linked they are copied', async () => {
  const root = shop.context({ a: 'a', b: 'b', 'c/d': 'd' });
  const [one] = await shop.run([], root, [copyAction('/', '/')]);
  // Gone files stand for all reasons why a link is refused.
  rmSync(`${shop.layers.dir(one!)}/a`);
  rmSync(`${shop.layers.dir(one!)}/c/d`);
  const two = await shop.run([], root, [copyAction('/', '/')], { previous: [one!] });
  assert.deepEqual(shop.show(two), ['/a 644 "a"', '/b 644 "b"', '/c 755 dir', '/c/d 644 "d"']);
  assert.equal(onDisk(two[0]!, '/b').nlink, 2);
  // What was copied is known as this layer's own, so the next one can take it from here.
  const three = await shop.run([], root, [copyAction('/', '/')], { previous: [two[0]!] });
  for (const path of ['/a', '/b', '/c/d'])
    assert.equal(onDisk(three[0]!, path).ino, onDisk(two[0]!, path).ino);
});
