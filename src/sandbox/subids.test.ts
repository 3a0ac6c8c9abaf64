import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { freeRange, mapArguments, rangesFor } from './subids.ts';

describe('subordinate ids', () => {
  const file =
    '# comment\nalice:100000:65536\nbob:165536:65536\n1000:300000:10\nalice:500000:5\nalice:broken\nalice:9:0\n\n';

  it("are a user's lines by name or by number", () => {
    assert.deepEqual(rangesFor(['alice', '1000'], file), [
      { start: 100000, count: 65536 },
      { start: 300000, count: 10 },
      { start: 500000, count: 5 },
    ]);
    assert.deepEqual(rangesFor(['carol'], file), []);
  });

  it('follow the own id without gaps', () => {
    const ranges = [
      { start: 100000, count: 65536 },
      { start: 300000, count: 10 },
    ];
    assert.deepEqual(mapArguments(1000, ranges), [
      '0',
      '1000',
      '1',
      '1',
      '100000',
      '65536',
      '65537',
      '300000',
      '10',
    ]);
  });

  it('a range offered to a user belongs to nobody yet', () => {
    assert.equal(freeRange(''), '100000-165535');
    assert.equal(freeRange('alice:100000:65536\nbob:231072:65536\n# none\n'), '296608-362143');
  });
});
