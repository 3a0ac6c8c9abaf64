import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { type TarItem, writeTar } from '../tar/writer.ts';
import { digestOf } from '../util/digest.ts';
import { fc } from '../util/property.ts';
import { archiveStart, isArchive, receiveUpload } from './upload.ts';

const directory = mkdtempSync(join(tmpdir(), 'stagecraft-upload-'));
after(() => rmSync(directory, { recursive: true, force: true }));

async function startOfTar(...items: TarItem[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTar(items)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test('an archive is known by its first bytes, compressed or not', async () => {
  const long = { name: 'x'.repeat(300), type: 'file', mode: 0o644 } as const;
  for (const tar of [
    await startOfTar({ header: { name: 'Dockerfile', type: 'file', mode: 0o644 } }),
    await startOfTar({ header: long }),
    await startOfTar(),
  ])
    for (const whole of [tar, gzipSync(tar), zstdCompressSync(tar)])
      assert.equal(isArchive(whole.subarray(0, archiveStart)), true);
  for (const start of ['BZh9', '\xfd7zXZ\0', '\x1f\x8b\x08'])
    assert.equal(isArchive(Buffer.from(start, 'latin1')), true);
});

test('no text is taken for an archive', () => {
  for (const text of ['', 'FROM scratch\n', '# BZh\n', '\ufeffFROM x', '\0', 'x'.repeat(1000)])
    assert.equal(isArchive(Buffer.from(text)), false);
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 600 }), text => {
      assert.equal(isArchive(Buffer.from(`FROM ${text}`)), false);
    }),
  );
});

test('what comes is kept as it is, with its digest, and told while it comes', async () => {
  const told: (number | undefined)[][] = [];
  async function* source() {
    yield Buffer.from('one ');
    yield Buffer.from('two');
  }
  const upload = await receiveUpload(directory, 'context', source(), {
    signal: new AbortController().signal,
    status: (...numbers) => void told.push(numbers),
  });
  assert.equal(readFileSync(upload.path, 'utf8'), 'one two');
  assert.equal(upload.digest, digestOf('one two'));
  assert.deepEqual([upload.filename, upload.size], ['context', 7]);
  assert.deepEqual(told, [[4], [7], [7, 7]]);
});
