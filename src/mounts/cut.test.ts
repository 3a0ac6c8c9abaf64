import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { digestOf } from '../util/digest.ts';
import { fc } from '../util/property.ts';
import { cutLength, pieceSizes } from './cut.ts';
import { noise } from './testing.ts';

function cut(bytes: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let from = 0; from < bytes.length; ) {
    const length = cutLength(bytes.subarray(from));
    pieces.push(bytes.subarray(from, from + length));
    from += length;
  }
  return pieces;
}

suite('cutting files into pieces', () => {
  const file = noise('1', 10 << 20);
  const digests = (bytes: Uint8Array) => new Set(cut(bytes).map(digestOf));

  test('pieces are the file, and of the sizes that they should be', () => {
    const pieces = cut(file);
    assert.ok(Buffer.concat(pieces).equals(file));
    for (const { length } of pieces.slice(0, -1))
      assert.ok(length > pieceSizes.least && length <= pieceSizes.most, String(length));
    const average = file.length / pieces.length;
    assert.ok(average > pieceSizes.usual / 2 && average < pieceSizes.usual * 2, String(average));
  });

  test('bytes put in anywhere change few pieces', () => {
    const before = digests(file);
    fc.assert(
      fc.property(fc.nat(file.length), fc.integer({ min: 0, max: 5000 }), (at, count) => {
        const changed = Buffer.concat([file.subarray(0, at), noise('2', count), file.subarray(at)]);
        const added = [...digests(changed)].filter(digest => !before.has(digest));
        assert.ok(added.length <= 3, `${added.length} of ${before.size} pieces are new`);
      }),
      { numRuns: 6 },
    );
  });

  test('what has no place to be cut at is cut by size', () => {
    const pieces = cut(new Uint8Array(9 << 20));
    assert.deepEqual(
      pieces.map(({ length }) => length),
      [4 << 20, 4 << 20, 1 << 20],
    );
  });
});
