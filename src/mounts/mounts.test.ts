import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { Allowance } from '../snapshot/allowance.ts';
import type { ContextDigests } from '../source/context-digests.ts';
import { Descent } from '../source/descent.ts';
import { openStore, type Store } from '../store/store.ts';
import { getXattr, setXattr } from '../syscall/xattrs.ts';
import { bytesFromText, fsPath } from '../util/bytes.ts';
import { Pace } from '../util/pace.ts';
import { type CollectedMount, collectMount, digestsOfMount } from './collect.ts';
import { readIndex, writeIndex } from './index-document.ts';
import { restoreMount } from './restore.ts';
import { Scan } from './scan.ts';
import { noise } from './testing.ts';
import type { MountIndex, Pack } from './types.ts';

const allow = () => new Allowance(2 ** 40, 'the mount');

let directory: string;
let stores: Store[];
/** The packs of a place that is sent to, by digest. */
let place: Map<string, Buffer>;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'stagecraft-mounts-'));
  stores = ['one', 'two'].map(name => openStore(join(directory, name)));
  place = new Map();
});

afterEach(() => {
  for (const store of stores) store.close();
  rmSync(directory, { recursive: true });
});

/** Makes the cache mount of the first store, or changes it. */
function write(files: Record<string, Buffer | string>): string {
  const root = stores[0]!.path('mounts', 'm');
  mkdirSync(root, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

interface Sent {
  readonly index: MountIndex;
  readonly bytes: Buffer;
  /** Bytes that went to the place. */
  readonly sent: number;
}

/** Sends the mount of a store; what was sent before is there already. */
async function send(store = stores[0]!, known: readonly MountIndex[] = []): Promise<Sent> {
  const collected: CollectedMount = await collectMount({
    store,
    name: 'cache',
    directory: 'm',
    known,
    has: async ({ digest }) => place.has(digest),
  });
  const before = new Set(place.keys());
  for (const { digest, path } of collected.made) place.set(digest, readFileSync(path));
  collected.discard();
  assert.deepEqual(readdirSync(store.path('ingest')), []);
  const bytes = await writeIndex(collected.index);
  const news = [...place].filter(([digest]) => !before.has(digest));
  const sent = news.reduce((sum, [, pack]) => sum + pack.length, bytes.length);
  return { index: await readIndex(bytes, 'cache', allow), bytes, sent };
}

async function restore(index: MountIndex, read = readPack): Promise<string> {
  const dir = stores[1]!.path('mounts', 'm');
  mkdirSync(stores[1]!.path('mounts'), { recursive: true });
  await restoreMount(index, dir, { read, digests: digestsOfMount(stores[1]!, 'm') });
  return dir;
}

async function* readPack({ digest }: Pack): AsyncGenerator<Uint8Array> {
  yield place.get(digest)!;
}

/** All that a mount is to keep, a line an entry. */
function describe(root: string): string[] {
  const names = readdirSync(root, { recursive: true, encoding: 'latin1' }).sort();
  return ['', ...names].map(name => {
    const path = fsPath(name === '' ? bytesFromText(root) : `${bytesFromText(root)}/${name}`);
    const { mode, uid, gid, mtimeNs, nlink } = lstatSync(path, { bigint: true });
    const content = (mode & 0o170000n) === 0o120000n ? readlinkSync(path, 'latin1') : fileOf(path);
    const note = getXattr(path.toString('latin1'), 'user.note');
    return [name, mode.toString(8), uid, gid, mtimeNs, nlink, content, note && Buffer.from(note)].join(' ');
  });
}

function fileOf(path: string | Buffer): string {
  return lstatSync(path).isFile() ? createHash('sha256').update(readFileSync(path)).digest('hex') : '';
}

suite('cache mounts that travel', () => {
  test('arrive as they were', async () => {
    const root = write({
      'a/small': 'text',
      'a/large': noise('1', 6 << 20),
      'b/empty': '',
      zeros: Buffer.alloc(9 << 20),
    });
    symlinkSync('../a/small', join(root, 'b/link'));
    symlinkSync('/nowhere', join(root, 'b/absolute'));
    linkSync(join(root, 'a/large'), join(root, 'b/second'));
    writeFileSync(fsPath(`${bytesFromText(root)}/not\xff\nutf8`), 'bytes');
    setXattr(bytesFromText(join(root, 'a/small')), 'user.note', 'mine');
    chmodSync(join(root, 'a/small'), 0o4751);
    chmodSync(join(root, 'b'), 0o1500);
    if (process.getuid!() === 0) for (const path of ['a/small', 'b']) chownSync(join(root, path), 5, 6);
    utimesSync(join(root, 'a'), 1e9, 1e9 + 0.123456);
    utimesSync(root, 1e9, 1e9);
    const before = describe(root);
    const { index } = await send();
    assert.deepEqual(describe(await restore(index)), before);
  });

  test('two empty places are sent the same', async () => {
    write({ 'a/b': noise('1', 300_000), c: noise('2', 3_000_000), d: 'text' });
    const first = await send();
    place.clear();
    const second = await send();
    assert.ok(first.bytes.equals(second.bytes));
    assert.equal(first.sent, second.sent);
  });

  test('an unchanged mount sends nothing but its index, wherever it is', async () => {
    for (let i = 0; i < 40; i++) write({ [`many/${i}`]: noise(`many ${i}`, 600_000) });
    write({ 'a/b': noise('1', 300_000), c: noise('2', 9_000_000), d: 'text' });
    const first = await send();
    const again = await send(stores[0], [first.index]);
    assert.ok(again.bytes.equals(first.bytes));
    assert.equal(again.sent, again.bytes.length);
    await restore(first.index);
    assert.deepEqual((await send(stores[1], [first.index])).bytes, first.bytes);
  });

  test('files that are as they were restored are not read again', async () => {
    write({ 'a/b': noise('1', 30_000), c: noise('2', 9_000_000) });
    const { index, bytes } = await send();
    const dir = await restore(index);
    const times = (name: string) => lstatSync(join(dir, name), { bigint: true }).atimeNs;
    for (const name of ['a/b', 'c']) {
      const { mtimeNs } = lstatSync(join(dir, name), { bigint: true });
      assert.equal(times(name), mtimeNs);
    }
    assert.deepEqual((await send(stores[1], [index])).bytes, bytes);
    // Reading a file whose access is not newer than its change is what sets its time of access.
    for (const name of ['a/b', 'c'])
      assert.equal(times(name), lstatSync(join(dir, name), { bigint: true }).mtimeNs);
  });

  test('a few changes among many files send what changed', async () => {
    const files = Array.from({ length: 600 }, (_, i) => [`${i % 16}/${i}`, noise(`${i}`, 10_000)] as const);
    write(Object.fromEntries(files));
    const first = await send();
    assert.ok(first.sent > 6_000_000);
    write({
      '3/new': noise('new', 10_000),
      '7/7': noise('changed', 10_000),
      '9/other': noise('other', 10_000),
    });
    rmSync(join(stores[0]!.path('mounts', 'm'), '5'), { recursive: true });
    const second = await send(stores[0], [first.index]);
    assert.ok(second.sent < 100_000, `${second.sent} bytes`);
    const dir = await restore(second.index);
    assert.deepEqual(describe(dir), describe(stores[0]!.path('mounts', 'm')));
  });

  test('a large file that grew sends its end', async () => {
    const root = write({ log: noise('1', 20 << 20) });
    const first = await send();
    appendFileSync(join(root, 'log'), 'more');
    const second = await send(stores[0], [first.index]);
    assert.ok(second.sent < 5 << 20, `${second.sent} bytes`);
  });

  test('packs that are mostly of files that are gone are left behind', async () => {
    const root = write({ kept: noise('kept', 100_000), gone: noise('gone', 150_000) });
    const first = await send();
    rmSync(join(root, 'gone'));
    const second = await send(stores[0], [first.index]);
    assert.ok(second.index.packs.every(({ size }) => size < 120_000));
  });

  test('small packs do not become more and more', async () => {
    let known: MountIndex[] = [];
    for (let i = 0; i < 24; i++) {
      write({ [`file-${i}`]: noise(`${i}`, 2_000) });
      known = [(await send(stores[0], known)).index];
    }
    assert.ok(known[0]!.packs.length < 10, `${known[0]!.packs.length} packs`);
    await restore(known[0]!);
  });

  test('a pack that the place has lost is made again', async () => {
    write({ a: noise('1', 50_000) });
    const first = await send();
    place.clear();
    const second = await send(stores[0], [first.index]);
    await restore(second.index);
  });

  test('nobody leads the reader out of the mount, whatever is swapped under it', async () => {
    const outside = join(directory, 'outside');
    mkdirSync(outside);
    for (const name of ['a', 'b', 'c']) writeFileSync(join(outside, name), 'of the machine');
    const root = write({ 'd/a': 'mine', 'd/b': 'mine too', 'd/c': 'mine as well' });
    let isSwapped = false;
    const digests = {
      find: () => {
        if (!isSwapped) renameSync(join(root, 'd'), join(root, 'was'));
        if (!isSwapped) symlinkSync(outside, join(root, 'd'));
        isSwapped = true;
      },
      learn: () => {},
      save: () => {},
    } as unknown as ContextDigests;
    const scan = new Scan(new Descent(root), digests, [], new Pace());
    await scan.run();
    assert.ok(isSwapped);
    const secret = createHash('sha256').update('of the machine').digest('hex');
    const read = scan.entries.flatMap(entry => (entry.type === 'file' ? entry.pieces : []));
    assert.ok(read.every(({ sha256 }) => sha256 !== secret));
    assert.ok(scan.entries.some(({ path }) => path === 'd/a'));
  });

  test('pipes and sockets stay behind', async () => {
    const { execFileSync } = await import('node:child_process');
    const root = write({ a: 'a' });
    execFileSync('mkfifo', [join(root, 'pipe')]);
    const { index } = await send();
    assert.deepEqual(
      index.entries.map(({ path }) => path),
      ['', 'a'],
    );
  });

  test('a pack that is another one is refused', async () => {
    write({ a: noise('1', 50_000) });
    const { index } = await send();
    const wrong = async function* (pack: Pack) {
      const bytes = Buffer.from(place.get(pack.digest)!);
      bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100);
      yield bytes;
    };
    await assert.rejects(restore(index, wrong), /damaged: its .* bytes have another digest/);
  });

  test('a pack that holds more than it says is refused before it is unpacked', async () => {
    const { zstdCompressSync } = await import('node:zlib');
    write({ a: noise('1', 50_000) });
    const { index } = await send();
    const [pack] = index.packs;
    const bomb = zstdCompressSync(Buffer.alloc(64 << 20));
    const digest = `sha256:${createHash('sha256').update(bomb).digest('hex')}` as const;
    const changed = { ...index, packs: [{ ...pack!, digest, size: bomb.length }] };
    await assert.rejects(
      restore(changed, async function* () {
        yield bomb;
      }),
      /damaged/,
    );
  });
});
