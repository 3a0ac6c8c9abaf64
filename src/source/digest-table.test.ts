import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fc } from '../util/property.ts';
import { type DigestRow, DigestTable } from './digest-table.ts';

const dir = mkdtempSync(join(tmpdir(), 'stagecraft-digests-'));
after(() => rmSync(dir, { recursive: true }));

const row = fc.record(
  {
    size: fc.nat(),
    mtimeNs: fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
    ctimeNs: fc.bigInt({ min: 0n, max: 2n ** 62n }),
    ino: fc.maxSafeNat(),
    mode: fc.nat(0o7777),
    uid: fc.nat(2 ** 31),
    gid: fc.nat(2 ** 31),
    attributes: fc.boolean(),
    linked: fc.boolean(),
    origin: fc.option(fc.constantFrom('a1', 'b2'), { nil: undefined }),
    data: fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytes => Buffer.from(bytes).toString('hex')),
  },
  { noNullPrototype: true },
);
const name = fc
  .uint8Array({ minLength: 1, maxLength: 12 })
  .map(bytes => `/${Buffer.from(bytes).toString('latin1').replaceAll('\0', '0')}`);

test('what was written to a table is read from its file, byte for byte of the names', () => {
  const file = join(dir, 'table');
  fc.assert(
    fc.property(fc.array(fc.tuple(name, row), { maxLength: 200 }), rows => {
      const table = DigestTable.empty();
      const expected = new Map<string, DigestRow>();
      for (const [path, each] of rows) {
        table.set(path, each);
        expected.set(path, each);
      }
      table.save(file);
      const read = DigestTable.load(file);
      assert.equal(read.size, expected.size);
      for (const [path, each] of expected) assert.deepEqual(read.row(read.find(path)), each);
    }),
    { numRuns: 50 },
  );
});

const sample: DigestRow = {
  size: 1,
  mtimeNs: 2n,
  ctimeNs: 3n,
  ino: 4,
  mode: 0o644,
  uid: 0,
  gid: 0,
  attributes: false,
  data: 'ab'.repeat(32),
};

test('a file that is absent, cut off or altered counts as an empty table', () => {
  const file = join(dir, 'broken');
  assert.equal(DigestTable.load(join(dir, 'absent')).size, 0);
  const table = DigestTable.empty();
  for (let i = 0; i < 100; i++) table.set(`/${i}`, sample);
  table.save(file);
  const bytes = readFileSync(file);
  for (const length of [0, 10, 40, bytes.length - 1]) {
    writeFileSync(file, bytes.subarray(0, length));
    assert.equal(DigestTable.load(file).size, 0);
  }
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(file, bytes);
  assert.equal(DigestTable.load(file).size, 0);
});

test('rows that are forgotten or not kept are not written', () => {
  const file = join(dir, 'kept');
  const table = DigestTable.empty();
  for (const path of ['/a', '/b', '/c']) table.set(path, sample);
  table.forget('/a');
  table.set('/d', { ...sample, size: 9 });
  table.save(file, path => path !== '/b');
  const read = DigestTable.load(file);
  assert.deepEqual(
    ['/a', '/b', '/c', '/d'].map(path => read.find(path) >= 0),
    [false, false, true, true],
  );
  assert.equal(read.row(read.find('/d')).size, 9);
});
