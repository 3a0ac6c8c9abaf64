import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { constants } from 'node:zlib';
import { chooseEffort } from './effort.ts';

/** Bytes without a pattern, always the same. */
function noise(length: number): Buffer {
  const parts = Array.from({ length: Math.ceil(length / 32) }, (_, i) =>
    createHash('sha256').update(`${i}`).digest(),
  );
  return Buffer.concat(parts).subarray(0, length);
}

test('what has no pattern is stored as it is', async () => {
  assert.deepEqual(await chooseEffort(noise(1 << 20), 4), { level: 0 });
});

test('digits without a pattern are coded by their frequency, which is fast and small', async () => {
  const digits = Buffer.from(noise(1 << 19).toString('hex'));
  assert.deepEqual(await chooseEffort(digits, 4), { level: 4, strategy: constants.Z_HUFFMAN_ONLY });
});

test('programs, texts and zeros are searched for repetitions', async () => {
  const text = readFileSync(import.meta.filename);
  const texts = Buffer.alloc(1 << 20, Buffer.concat([text, noise(200)]));
  for (const block of [texts, readFileSync(process.execPath).subarray(0, 1 << 20), Buffer.alloc(1 << 20)])
    assert.deepEqual(await chooseEffort(block, 4), { level: 4 });
});

test('one text among what has no pattern is enough to look for repetitions', async () => {
  const block = Buffer.concat([noise(7 << 17), Buffer.alloc(1 << 17, 'the same words again and again. ')]);
  assert.deepEqual(await chooseEffort(block, 6), { level: 6 });
});

test('what is too short for samples, or shall not be compressed, is taken as it comes', async () => {
  assert.deepEqual(await chooseEffort(noise(20_000), 4), { level: 4 });
  assert.deepEqual(await chooseEffort(Buffer.alloc(1 << 20), 0), { level: 0 });
});
