import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from '../store/store.ts';
import { bytesFromText, fsPath } from '../util/bytes.ts';
import { LocalTree, type LocalTreeOptions } from './local.ts';

const dir = mkdtempSync(join(tmpdir(), 'stagecraft-context-'));
const store = openStore(join(dir, 'store'));
after(() => {
  store.close();
  rmSync(dir, { recursive: true });
});

let count = 0;
/** Makes a context with these files; a value of null makes a directory, one starting with `->` a symlink. */
function context(files: Record<string, string | null>): string {
  const root = join(dir, `context-${count++}`);
  mkdirSync(root);
  for (const [name, content] of Object.entries(files)) {
    const path = join(root, name);
    mkdirSync(join(path, '..'), { recursive: true });
    if (content === null) mkdirSync(path, { recursive: true });
    else if (content.startsWith('->')) symlinkSync(content.slice(2), path);
    else writeFileSync(path, content);
  }
  return root;
}

/** All paths that a tree shows. */
function shown(tree: LocalTree, path = '/'): string[] {
  return tree.list(path).flatMap(name => {
    const child = path === '/' ? `/${name}` : `${path}/${name}`;
    return tree.lstat(child)!.type === 'directory' ? [`${child}/`, ...shown(tree, child)] : [child];
  });
}

function read(tree: LocalTree, path: string): string {
  const fd = tree.open(path);
  try {
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

async function digest(root: string, options: LocalTreeOptions = {}, path = '/'): Promise<string> {
  const tree = new LocalTree(root, options);
  try {
    return await tree.contentDigest(path);
  } finally {
    tree.close();
  }
}

test('everything in a context belongs to root', () => {
  const root = context({ 'a/file': 'x' });
  const tree = new LocalTree(root);
  for (const path of ['/', '/a', '/a/file']) {
    const { uid, gid } = tree.lstat(path)!;
    assert.deepEqual([uid, gid], [0, 0]);
  }
  assert.equal(tree.lstat('/a/other'), undefined);
  assert.equal(tree.lstat('/a/file/below'), undefined);
  tree.close();
});

test('excluded files are not there, exceptions are, with the directories that lead to them', () => {
  const root = context({
    'keep.txt': '',
    'node_modules/a/index.js': '',
    'node_modules/keep/deep/file': '',
    'node_modules/keep/deep/other': '',
    'logs/today.log': '',
    'sub/today.log': '',
    'empty/only.log': '',
  });
  const excludePatterns = ['**/*.log', 'node_modules', '!node_modules/keep/deep/file', '!sub/*.log'];
  const tree = new LocalTree(root, { excludePatterns });
  assert.deepEqual(shown(tree), [
    '/empty/',
    '/keep.txt',
    '/logs/',
    '/node_modules/',
    '/node_modules/keep/',
    '/node_modules/keep/deep/',
    '/node_modules/keep/deep/file',
    '/sub/',
    '/sub/today.log',
  ]);
  tree.close();
  // The same answers without a list before.
  const other = new LocalTree(root, { excludePatterns });
  assert.equal(other.lstat('/node_modules/a'), undefined);
  assert.equal(other.lstat('/node_modules/keep/deep/other'), undefined);
  assert.equal(other.lstat('/node_modules/keep/deep/file')?.type, 'file');
  assert.equal(other.lstat('/logs/today.log'), undefined);
  assert.throws(() => other.open('/logs/today.log'), { code: 'not-found' });
  other.close();
});

test('with include patterns only what matches is there', () => {
  const root = context({ 'src/a.c': '', 'src/a.h': '', 'doc/a.txt': '', Makefile: '' });
  const tree = new LocalTree(root, { includePatterns: ['Makefile', 'src/*.c'] });
  assert.deepEqual(shown(tree), ['/Makefile', '/src/', '/src/a.c']);
  tree.close();
});

test('sockets are left out, names that are not UTF-8 are kept', async () => {
  const root = context({ file: '' });
  const server = createServer().listen(join(root, 'socket'));
  await new Promise(resolve => server.on('listening', resolve));
  writeFileSync(fsPath(`${root}/\xff\xfe`), 'bytes');
  const tree = new LocalTree(root);
  assert.deepEqual(tree.list('/'), ['file', '\xff\xfe']);
  assert.equal(tree.lstat('/socket'), undefined);
  assert.equal(read(tree, '/\xff\xfe'), 'bytes');
  tree.close();
  server.close();
});

test('symlinks resolve inside the context, however they point', () => {
  writeFileSync(join(dir, 'secret'), 'outside');
  const root = context({
    'etc/passwd': 'inside',
    absolute: '->/etc/passwd',
    climber: `->../../../../../../${dir}/secret`,
    up: '->..',
    'a/b/c': 'deep',
    short: '->a/b',
    loop: '->loop',
  });
  const tree = new LocalTree(root);
  assert.equal(tree.resolve('/absolute'), '/etc/passwd');
  assert.equal(tree.resolve('/climber'), `${dir}/secret`);
  assert.equal(tree.lstat(tree.resolve('/climber')), undefined);
  assert.equal(read(tree, '/up/etc/passwd'), 'inside');
  assert.equal(read(tree, '/short/c'), 'deep');
  assert.equal(tree.readlink('/short'), 'a/b');
  assert.throws(() => tree.resolve('/loop/x'), { code: 'confined' });
  assert.throws(() => tree.open('/absolute'), { code: 'io' });
  tree.close();
});

test('touching a file keeps the digest, any change of content, mode, name or link target does not', async () => {
  const root = context({ 'a/file': 'content', 'a/link': '->file' });
  const before = await digest(root, { store });
  utimesSync(join(root, 'a/file'), 1, 1);
  utimesSync(join(root, 'a'), 1, 1);
  assert.equal(await digest(root, { store }), before);
  const seen = new Set([before]);
  const changes = [
    () => writeFileSync(join(root, 'a/file'), 'CONTENT'),
    () => writeFileSync(join(root, 'a/file'), 'content', { flush: true }),
    () => renameSync(join(root, 'a/file'), join(root, 'a/file2')),
    () => {
      rmSync(join(root, 'a/link'));
      symlinkSync('file2', join(root, 'a/link'));
    },
    () => mkdirSync(join(root, 'a/empty')),
  ];
  for (const [i, change] of changes.entries()) {
    change();
    const now = await digest(root, { store });
    // The second change takes the first one back.
    assert.equal(seen.has(now), i === 1);
    seen.add(now);
  }
});

test('a file that stat shows unchanged is not read again', async () => {
  const root = context({ file: 'content' });
  utimesSync(join(root, 'file'), 1000, 1000);
  // Not hashed in the tick in which it was changed, else its digest would not be kept.
  await new Promise(resolve => setTimeout(resolve, 100));
  const before = await digest(root, { store });
  const kept = readdirSync(store.path('contexts')).map(name => store.path('contexts', name));
  // Nobody can tell from the outside that a file was not read, so let the memory be wrong.
  let altered = 0;
  const sha256 = Buffer.from('ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73', 'hex');
  for (const file of kept) {
    const bytes = readFileSync(file);
    const at = bytes.indexOf(sha256);
    if (at < 0) continue;
    bytes[at]! ^= 1;
    const { hash } = await import('node:crypto');
    bytes.writeUInt32LE(hash('sha256', bytes.subarray(40), 'buffer').readUInt32LE(0), 36);
    writeFileSync(file, bytes);
    altered++;
  }
  assert.equal(altered, 1);
  assert.notEqual(await digest(root, { store }), before);
  // Once touched it is read, and the truth is back.
  utimesSync(join(root, 'file'), 2000, 2000);
  assert.equal(await digest(root, { store }), before);
});

test('a change in the same tick as the hashing is noticed by the next build', async () => {
  const root = context({ file: 'aaaa' });
  for (let i = 0; i < 20; i++) {
    const content = String(i).padStart(4, 'x');
    writeFileSync(join(root, 'file'), content);
    const hashed = await digest(root, { store });
    writeFileSync(join(root, 'file'), content.toUpperCase());
    assert.notEqual(await digest(root, { store }), hashed);
  }
});

test('a large file gives the same digest as its copy', async () => {
  const content = 'x'.repeat(3_000_000);
  const one = context({ file: content });
  const two = context({ file: content });
  assert.equal(await digest(one), await digest(two));
  appendFileSync(join(two, 'file'), 'y');
  assert.notEqual(await digest(one), await digest(two));
});

test('hard links of a context are known as such', () => {
  const root = context({ one: 'x', three: 'x' });
  linkSync(join(root, 'one'), join(root, 'two'));
  const tree = new LocalTree(root);
  assert.ok(tree.linkId('/one') !== undefined);
  assert.equal(tree.linkId('/one'), tree.linkId('/two'));
  assert.equal(tree.linkId('/three'), undefined);
  tree.close();
});

test('a missing context, or one that is a file, is told by name', () => {
  const root = context({ file: '' });
  assert.throws(() => new LocalTree(join(root, 'absent')), { code: 'not-found', message: /absent/ });
  assert.throws(() => new LocalTree(join(root, 'file')), { code: 'not-found', message: /not a directory/ });
});

test('a symlink stays what it was when the tree told of it, so that a copy is what its key says', async () => {
  const root = context({ link: '->before' });
  const tree = new LocalTree(root);
  const digest = await tree.contentDigest('/link');
  rmSync(join(root, 'link'));
  symlinkSync('behind', join(root, 'link'));
  assert.equal(tree.readlink('/link'), 'before');
  assert.equal(await tree.contentDigest('/link'), digest);
  tree.close();
});

test('a directory swapped for a symlink after it was listed leads nowhere', () => {
  const outside = context({ 'd/secret': 'outside' });
  const root = context({ 'd/secret': 'inside' });
  const tree = new LocalTree(root);
  assert.deepEqual(tree.list('/d'), ['secret']);
  assert.equal(tree.lstat('/d/secret')?.size, 6);
  // Something else in between, so that the directory has to be opened once more.
  assert.deepEqual(tree.list('/'), ['d']);
  renameSync(join(root, 'd'), join(root, 'was-d'));
  symlinkSync(join(outside, 'd'), join(root, 'd'));
  const fresh = new LocalTree(root);
  assert.throws(() => fresh.open('/d/secret'), { code: 'not-found' });
  fresh.close();
  try {
    // Either the directory that was open is read on, or reading fails.
    assert.equal(read(tree, '/d/secret'), 'inside');
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'io');
  }
  tree.close();
});

test('while another process swaps directories for symlinks, nothing outside is ever read', async () => {
  const outside = context({ 'd/e/secret': 'outside!' });
  const root = context({ 'd/e/secret': 'inside' });
  const swapper = spawn(
    process.execPath,
    [
      '-e',
      `const fs = require('node:fs');
       const [root, outside] = process.argv.slice(1);
       fs.symlinkSync(outside + '/d', root + '/l');
       process.send?.('ready');
       for (;;) {
         for (const [a, b] of [['d', 'x'], ['l', 'd'], ['d', 'l'], ['x', 'd']])
           fs.renameSync(root + '/' + a, root + '/' + b);
       }`,
      root,
      outside,
    ],
    { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
  );
  try {
    await new Promise(resolve => swapper.once('message', resolve));
    const seen = new Set<string>();
    for (const end = Date.now() + 1500; Date.now() < end; ) {
      const tree = new LocalTree(root);
      try {
        if (tree.lstat('/d/e/secret') !== undefined) seen.add(read(tree, '/d/e/secret'));
        await tree.contentDigest('/');
      } catch (error) {
        assert.ok(['io', 'not-found'].includes((error as { code: string }).code), String(error));
      } finally {
        tree.close();
      }
    }
    assert.deepEqual([...seen], ['inside']);
  } finally {
    swapper.kill('SIGKILL');
  }
});

test('text paths are found by their UTF-8 bytes', () => {
  const root = context({ 'größe/ß': 'x' });
  const tree = new LocalTree(root);
  assert.equal(read(tree, bytesFromText('/größe/ß')), 'x');
  tree.close();
});
