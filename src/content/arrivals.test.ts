import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { digestHex, digestOf } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { storeBlob } from './arrivals.ts';
import { openBlobs } from './blobs.ts';

const root = mkdtempSync(join(tmpdir(), 'stagecraft-arrivals-'));
after(() => rmSync(root, { recursive: true }));
const blobs = openBlobs(root);
const text = 'the whole blob';
const blob = { mediaType: 'text/plain', digest: digestOf(text), size: text.length };
const partial = join(root, 'ingest', `part-${digestHex(blob.digest)}`);
const unfinished = (): string[] => readdirSync(join(root, 'ingest'));

beforeEach(() => {
  for (const part of ['blobs', 'ingest']) rmSync(join(root, part), { recursive: true, force: true });
  for (const part of ['blobs/sha256', 'ingest']) mkdirSync(join(root, part), { recursive: true });
});

/** Stores the blob from a source that has so much of it, and tells from where on it was read. */
async function store(upTo = text.length, failure?: Error): Promise<{ from: number[]; read: boolean[] }> {
  const [from, read]: [number[], boolean[]] = [[], []];
  async function* source(at: number): AsyncGenerator<Uint8Array> {
    from.push(at);
    yield Buffer.from(text.slice(at, upTo));
    if (failure) throw failure;
  }
  const stored = storeBlob(blobs, blob, source, {
    keep: () => true,
    tell: path => read.push(path !== undefined),
  });
  if (failure) await assert.rejects(stored, failure);
  else await stored;
  return { from, read };
}

test('what arrived of a blob is not asked for again, and nobody reads it before all is verified', async () => {
  await store(5, new StagecraftError('io', 'The network is gone.'));
  assert.equal(readFileSync(partial, 'utf8'), 'the w');
  assert.equal(blobs.has(blob.digest), false);
  const { from, read } = await store();
  assert.deepEqual([from, [...new Set(read)]], [[5], [false]]);
  assert.equal(readFileSync(blobs.path(blob.digest), 'utf8'), text);
  assert.deepEqual(unfinished(), []);
});

test('what was left complete is only verified', async () => {
  writeFileSync(partial, text);
  assert.deepEqual((await store()).from, []);
  assert.ok(blobs.has(blob.digest));
});

test('what was left is not believed: where it is wrong or too long, the blob is brought anew', async () => {
  for (const [left, from] of [
    ['the b', [5, 0]],
    ['THE WHOLE BLOB', [0]],
    [`${text} and more`, [0]],
  ] as const) {
    writeFileSync(partial, left);
    assert.deepEqual((await store()).from, from);
    assert.equal(readFileSync(blobs.path(blob.digest), 'utf8'), text);
    assert.deepEqual(unfinished(), []);
    rmSync(blobs.path(blob.digest));
  }
});

test('of a blob that is another nothing is kept, nor of one that nothing came of', async () => {
  await assert.rejects(
    storeBlob(blobs, blob, () => one('the wrong blob'), { keep: () => true }),
    { code: 'integrity' },
  );
  assert.deepEqual(unfinished(), []);
  await store(0, new StagecraftError('not-found', 'It does not exist.'));
  assert.deepEqual(unfinished(), []);
});

async function* one(content: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(content);
}
