import assert from 'node:assert/strict';
import { chmodSync, linkSync, lstatSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { unsetTimeNs } from '../snapshot/times.ts';
import { copyAction, type Files, Workshop } from './testing.ts';

// What is expected here is what Docker's BuildKit made of the same COPY.
process.umask(0o022);
const shop = new Workshop();
after(() => shop.close());

const files: Files = {
  'a.txt': 'a',
  'b.txt': 'b',
  'dir/x.txt': 'x',
  'dir/sub/y.txt': 'y',
  'dir/up': '->../a.txt',
  'dir/empty': null,
  'dir2/x.txt': 'other x',
  'dir2/n.txt': 'n',
  link: '->a.txt',
  dirlink: '->dir',
  climber: '->../../../../etc/passwd',
  'image/real/keep.txt': 'keep',
  'image/lnk': '->real',
  'image/abs': '->/real',
  'image/dang': '->/missing/target',
  'image/flnk': '->real/keep.txt',
  'image/file': 'file',
};
const context = shop.context(files);
const image = await shop.run([], context, [copyAction('/image', '/')]);

async function copied(
  src: string | string[],
  dest: string,
  rest: Parameters<typeof copyAction>[2] = {},
  base: readonly string[] = [],
): Promise<string[]> {
  const actions = [src].flat().map(each => copyAction(each, dest, rest));
  return shop.show(await shop.run(base, context, actions));
}

const dirLines = (at: string) => [
  `${at} 755 dir`,
  `${at}/empty 755 dir`,
  `${at}/sub 755 dir`,
  `${at}/sub/y.txt 644 "y"`,
  `${at}/up -> ../a.txt`,
  `${at}/x.txt 644 "x"`,
];

test('a file gets the name of the destination, or its own in one that ends in a slash', async () => {
  assert.deepEqual(await copied('/a.txt', '/x'), ['/x 644 "a"']);
  assert.deepEqual(await copied('/a.txt', '/x/'), ['/x 755 dir', '/x/a.txt 644 "a"']);
  assert.deepEqual(await copied('/a.txt', '/'), ['/a.txt 644 "a"']);
  assert.deepEqual(await copied('/a.txt', '/x/y/z'), ['/x 755 dir', '/x/y 755 dir', '/x/y/z 644 "a"']);
  assert.deepEqual(await copied(['/a.txt', '/b.txt'], '/x/'), [
    '/x 755 dir',
    '/x/a.txt 644 "a"',
    '/x/b.txt 644 "b"',
  ]);
});

test('of a directory its content is copied, into the destination with a slash or without', async () => {
  assert.deepEqual(await copied('/dir', '/d'), dirLines('/d'));
  assert.deepEqual(await copied('/dir', '/d/'), dirLines('/d'));
  assert.deepEqual(await copied('/dir', '/d/.'), dirLines('/d'));
  assert.deepEqual(await copied(['/dir', '/dir2'], '/d/'), [
    ...dirLines('/d').slice(0, 2),
    '/d/n.txt 644 "n"',
    ...dirLines('/d').slice(2, 5),
    '/d/x.txt 644 "other x"',
  ]);
});

test('without the rule for content a directory keeps its name in an existing destination', async () => {
  const whole = { dirCopyContents: false };
  assert.deepEqual(await copied('/dir2', '/d', whole), [
    '/d 755 dir',
    '/d/n.txt 644 "n"',
    '/d/x.txt 644 "other x"',
  ]);
  assert.deepEqual(await copied(['/dir2', '/dir2'], '/d', whole), [
    '/d 755 dir',
    '/d/dir2 755 dir',
    '/d/dir2/n.txt 644 "n"',
    '/d/dir2/x.txt 644 "other x"',
    '/d/n.txt 644 "n"',
    '/d/x.txt 644 "other x"',
  ]);
});

test('patterns copy all that they match, directories by their content', async () => {
  assert.deepEqual(await copied('/*.txt', '/t/'), ['/t 755 dir', '/t/a.txt 644 "a"', '/t/b.txt 644 "b"']);
  assert.deepEqual(await copied('/dir*/x.txt', '/t/'), ['/t 755 dir', '/t/x.txt 644 "other x"']);
  assert.deepEqual(await copied('/dirl*', '/t/'), dirLines('/t'));
  assert.deepEqual(await copied('/nothing*', '/t/'), []);
  await assert.rejects(copied('/nothing*', '/t/', { allowEmptyWildcard: false }), {
    code: 'not-found',
    message: /"nothing\*" matches nothing in the build context, or \.dockerignore excludes it/,
  });
});

test('a symlink as a source is followed inside the context, those below are copied as they are', async () => {
  assert.deepEqual(await copied('/link', '/l'), ['/l 644 "a"']);
  assert.deepEqual(await copied('/link', '/l/'), ['/l 755 dir', '/l/link 644 "a"']);
  assert.deepEqual(await copied('/dirlink', '/d'), dirLines('/d'));
  assert.deepEqual(await copied('/link', '/l', { followSymlink: false }), ['/l -> a.txt']);
  await assert.rejects(copied('/climber', '/l'), { code: 'not-found' });
});

test('what is not there is told by its name in the context', async () => {
  for (const src of ['/missing', '/dir/missing', '/a.txt/below', '/missing/*.txt'])
    await assert.rejects(copied(src, '/x'), { code: 'not-found', message: /^"(missing|dir|a\.txt)/ });
});

test('a destination that is a symlink in the image leads where it points, within the image', async () => {
  const at = async (dest: string, src = '/a.txt') =>
    (await copied(src, dest, {}, image)).filter(line => !shop.show(image).includes(line));
  assert.deepEqual(await at('/lnk'), ['/real/a.txt 644 "a"']);
  assert.deepEqual(await at('/lnk/'), ['/real/a.txt 644 "a"']);
  assert.deepEqual(await at('/lnk/n'), ['/real/n 644 "a"']);
  assert.deepEqual(await at('/abs'), ['/real/a.txt 644 "a"']);
  assert.deepEqual(await at('/dang'), ['/missing 755 dir', '/missing/target 644 "a"']);
  assert.deepEqual(await at('/dang/'), [
    '/missing 755 dir',
    '/missing/target 755 dir',
    '/missing/target/a.txt 644 "a"',
  ]);
  assert.deepEqual(await at('/flnk'), ['/real/keep.txt 644 "a"']);
  assert.deepEqual(await at('/lnk', '/dir2'), ['/real/n.txt 644 "n"', '/real/x.txt 644 "other x"']);
});

test('files replace files; what is of another type is in the way, unless it may be replaced', async () => {
  const lines = await copied('/a.txt', '/file', {}, image);
  assert.ok(lines.includes('/file 644 "a"'));
  await assert.rejects(copied('/dir', '/file', {}, image), { code: 'usage', message: /"\/file"/ });
  await assert.rejects(copied('/a.txt', '/file/', {}, image), { message: /\/file/ });
  const base = await shop.run([], { 'd/x.txt/in': '', 'd/sub': 'file', 'd/up': 'file' }, [
    copyAction('/', '/'),
  ]);
  await assert.rejects(copied('/dir', '/d', {}, base), { code: 'usage' });
  assert.deepEqual(
    await copied('/dir', '/d', { alwaysReplaceExistingDestPaths: true }, base),
    dirLines('/d'),
  );
});

test('a directory copied on one keeps what that has and, below the top, gives its own metadata', async () => {
  const root = shop.context({ 'new/sub/n': 'n' });
  chmodSync(join(root, 'new'), 0o700);
  chmodSync(join(root, 'new/sub'), 0o750);
  const base = await shop.run([], { 'd/sub/o': 'o' }, [copyAction('/', '/')]);
  assert.deepEqual(shop.show(await shop.run(base, root, [copyAction('/new', '/d')])), [
    '/d 755 dir',
    '/d/sub 750 dir',
    '/d/sub/n 644 "n"',
    '/d/sub/o 644 "o"',
  ]);
});

test('mode and owner apply to all that is copied and to directories made on the way', async t => {
  if (process.getuid?.() !== 0) return t.skip('only root may write into directories of mode 0640');
  const owner = { user: { byId: 7 }, group: { byId: 8 } };
  assert.deepEqual(await copied('/dir2', '/p/q', { owner, mode: 0o640 }), [
    '/p 640 7:8 dir',
    '/p/q 640 7:8 dir',
    '/p/q/n.txt 640 7:8 "n"',
    '/p/q/x.txt 640 7:8 "other x"',
  ]);
  assert.deepEqual(await copied('/dir2', '/p', { modeText: 'go-r,u+x' }), [
    '/p 755 dir',
    '/p/n.txt 700 "n"',
    '/p/x.txt 700 "other x"',
  ]);
});

test('owners by name are looked up in the image; a user gives its group, an unknown name is root', async () => {
  const base = await shop.run(
    [],
    { 'etc/passwd': 'root:x:0:0::/:\nnode:x:1000:1001::/:\n', 'etc/group': 'staff:x:50:\n' },
    [copyAction('/', '/')],
  );
  const owned = async (owner: NonNullable<Parameters<typeof copyAction>[2]>['owner']) =>
    (await copied('/a.txt', '/o', owner ? { owner } : {}, base)).at(-1);
  const node = { byName: { name: 'node', input: 0 } };
  const staff = { byName: { name: 'staff', input: 0 } };
  assert.equal(await owned({ user: node }), '/o 644 1000:1001 "a"');
  assert.equal(await owned({ user: node, group: staff }), '/o 644 1000:50 "a"');
  assert.equal(await owned({ group: staff }), '/o 644 0:50 "a"');
  assert.equal(await owned({ user: { byId: 5 } }), '/o 644 5:5 "a"');
  assert.equal(await owned({ user: { byName: { name: 'nobody9', input: 0 } } }), '/o 644 "a"');
});

test('times come from the source, else are the same in every build, or what is asked for', async () => {
  const root = shop.context({ 'd/f': 'f' });
  utimesSync(join(root, 'd/f'), 1000, 1000);
  utimesSync(join(root, 'd'), 2000, 2000);
  const times = async (timestamp: bigint) => {
    const rootFs = await shop.run([], root, [copyAction('/', '/made/', { timestamp })]);
    const tree = shop.tree(rootFs);
    return ['/made/d/f', '/made/d'].map(path => tree.lstat(path)!.mtimeNs);
  };
  assert.deepEqual(await times(-1n), [1000_000_000_000n, 2000_000_000_000n]);
  assert.deepEqual(await times(5n), [5n, 5n]);
  const rootFs = await shop.run([], root, [copyAction('/d/f', '/made/on/f')]);
  assert.equal(shop.tree(rootFs).lstat('/made/on')!.mtimeNs, unsetTimeNs);
  // A directory of the image that gets a new file keeps its time.
  const below = await shop.run(rootFs, root, [copyAction('/d/f', '/made/g')]);
  assert.equal(shop.tree(below).lstat('/made')!.mtimeNs, unsetTimeNs);
});

test('hard links in what is copied stay, also from a stage; equal files stay apart', async () => {
  const root = shop.context({ 'd/one': 'same', 'd/three': 'same' });
  linkSync(join(root, 'd/one'), join(root, 'd/two'));
  const stage = await shop.run([], root, [copyAction('/d', '/d')]);
  const image = await shop.runOn([], { rootFs: stage }, [copyAction('/d', '/e')]);
  for (const [rootFs, at] of [
    [stage, '/d'],
    [image, '/e'],
  ] as const) {
    const ids = ['one', 'two', 'three'].map(name => {
      const { dev, ino } = lstatSync(shop.layers.dir(rootFs[0]!) + join(at, name));
      return `${dev} ${ino}`;
    });
    assert.equal(ids[0], ids[1]);
    assert.notEqual(ids[0], ids[2]);
  }
});

test('one file copied twice from a stage makes two files, in one layer and in one image', async () => {
  const stage = await shop.run([], { f: 'content' }, [copyAction('/f', '/f')]);
  const twice = [copyAction('/f', '/a/f'), copyAction('/f', '/b/f')];
  const one = await shop.runOn([], { rootFs: stage }, twice);
  const two = await shop.runOn(one, { rootFs: stage }, [copyAction('/f', '/c/f')]);
  const three = await shop.runOn(stage, { rootFs: stage }, [copyAction('/f', '/d/f')]);
  const id = (layer: string, path: string) => lstatSync(shop.layers.dir(layer) + path).ino;
  assert.notEqual(id(one[0]!, '/a/f'), id(one[0]!, '/b/f'));
  assert.equal(new Set([id(one[0]!, '/a/f'), id(one[0]!, '/b/f'), id(two[1]!, '/c/f')]).size, 3);
  assert.notEqual(id(three[0]!, '/f'), id(three[1]!, '/d/f'));
});

test('holes of a sparse file are kept', async () => {
  const root = shop.context({ f: '' });
  truncateSync(join(root, 'f'), 8 << 20);
  writeFileSync(join(root, 'f'), 'end', { flag: 'r+' });
  const rootFs = await shop.run([], root, [copyAction('/f', '/f')]);
  const { size, blocks } = lstatSync(`${shop.layers.dir(rootFs[0]!)}/f`);
  assert.equal(size, 8 << 20);
  assert.ok(blocks * 512 < 1 << 20);
  assert.ok(shop.read(rootFs, '/f').startsWith('end\0'));
});

test('--parents and --exclude: only what the patterns let through, with the directories that lead to it', async () => {
  const root = shop.context({
    'a/b/c.txt': 'c',
    'a/b/d.md': 'd',
    'a/e/f.txt': 'f',
    'g/h.txt': 'h',
    'i/j.md': 'j',
  });
  const run = async (rest: Parameters<typeof copyAction>[2]) =>
    shop.show(await shop.run([], root, [copyAction('/', '/to/', rest)]));
  assert.deepEqual(await run({ includePatterns: ['a/*/*.txt'] }), [
    '/to 755 dir',
    '/to/a 755 dir',
    '/to/a/b 755 dir',
    '/to/a/b/c.txt 644 "c"',
    '/to/a/e 755 dir',
    '/to/a/e/f.txt 644 "f"',
  ]);
  assert.deepEqual(await run({ excludePatterns: ['**/*.txt', '!a/e/f.txt', 'g'] }), [
    '/to 755 dir',
    '/to/a 755 dir',
    '/to/a/b 755 dir',
    '/to/a/b/d.md 644 "d"',
    '/to/a/e 755 dir',
    '/to/a/e/f.txt 644 "f"',
    '/to/i 755 dir',
    '/to/i/j.md 644 "j"',
  ]);
});
