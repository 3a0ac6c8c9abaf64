import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { digestOf } from '../util/digest.ts';
import { openBlobs } from './blobs.ts';
import { parseJson, putJson, readJson } from './json.ts';

const root = mkdtempSync(join(tmpdir(), 'stagecraft-blobs-'));
mkdirSync(join(root, 'blobs/sha256'), { recursive: true });
mkdirSync(join(root, 'ingest'));
after(() => rmSync(root, { recursive: true }));
const blobs = openBlobs(root);
const unfinished = (): string[] => readdirSync(join(root, 'ingest'));

test('a blob lies under its digest once it is complete, not before', async () => {
  const writer = await blobs.writer();
  await writer.write(Buffer.from('hello '));
  await writer.write(Buffer.from('world'));
  assert.equal(blobs.has(digestOf('hello world')), false);
  const stored = await writer.commit();
  assert.deepEqual(stored, { digest: digestOf('hello world'), size: 11 });
  assert.equal(readFileSync(blobs.path(stored.digest), 'utf8'), 'hello world');
  assert.deepEqual(unfinished(), []);
});

test('a blob that is not the expected one names both digests and leaves nothing', async () => {
  const expected = { digest: digestOf('right') };
  await assert.rejects(blobs.write([Buffer.from('wrong')], expected), (error: Error) => {
    assert.ok(error.message.includes(digestOf('right')) && error.message.includes(digestOf('wrong')));
    return 'code' in error && error.code === 'integrity';
  });
  await assert.rejects(blobs.write([Buffer.from('right')], { ...expected, size: 4 }), { code: 'integrity' });
  await assert.rejects(blobs.write([Buffer.from('right')], { ...expected, size: 6 }), { code: 'integrity' });
  assert.equal(blobs.has(digestOf('right')) || blobs.has(digestOf('wrong')), false);
  assert.deepEqual(unfinished(), []);
});

test('a source that fails leaves nothing', async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('half');
    throw new Error('connection lost');
  }
  await assert.rejects(blobs.write(broken()), /connection lost/);
  assert.deepEqual(unfinished(), []);
});

test('damage on disk is noticed when a blob is read', async () => {
  const { digest } = blobs.put('as it was');
  writeFileSync(blobs.path(digest), 'as it is!');
  assert.throws(() => blobs.read(digest, 100), { code: 'integrity', message: /damaged/ });
  const drain = async (): Promise<void> => {
    for await (const _ of blobs.stream(digest, { verify: true }));
  };
  await assert.rejects(drain(), { code: 'integrity' });
});

test('a missing blob is an error that names it', () => {
  const digest = digestOf('nowhere');
  assert.throws(() => blobs.read(digest, 100), { code: 'not-found', message: new RegExp(digest) });
  assert.equal(blobs.use(digest), false);
  assert.equal(blobs.size(digest), undefined);
});

test('using a blob makes it young, for collection to see', () => {
  const { digest } = blobs.put('used again');
  utimesSync(blobs.path(digest), 1, 1);
  assert.ok(blobs.use(digest));
  assert.ok(Date.now() - statSync(blobs.path(digest)).mtimeMs < 60_000);
  utimesSync(blobs.path(digest), 1, 1);
  blobs.put('used again');
  assert.ok(Date.now() - statSync(blobs.path(digest)).mtimeMs < 60_000);
});

test('documents are JSON objects of bounded size', () => {
  const { digest } = putJson(blobs, { a: 1 });
  assert.deepEqual(readJson(blobs, digest), { a: 1 });
  for (const text of ['[]', 'null', '{', '"x"', '\xff']) {
    assert.throws(() => parseJson(Buffer.from(text, 'latin1'), 'It'), {
      code: 'integrity',
      message: /^It is not/,
    });
  }
  const large = blobs.put(`{"a":"${'x'.repeat(5 << 20)}"}`);
  assert.throws(() => readJson(blobs, large.digest), { code: 'integrity', message: /at most/ });
});
