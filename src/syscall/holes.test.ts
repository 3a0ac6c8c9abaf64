import assert from 'node:assert/strict';
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { dataRanges } from './holes.ts';

const dir = mkdtempSync(join(tmpdir(), 'stagecraft-holes-'));
after(() => rmSync(dir, { recursive: true }));

test('all data lies in the parts told, whatever holes the file system keeps', () => {
  const fd = openSync(join(dir, 'file'), 'w+');
  writeSync(fd, 'first', 0);
  writeSync(fd, 'second', 4_000_000);
  ftruncateSync(fd, 9_000_000);
  const ranges = [...dataRanges(fd, 9_000_000)];
  closeSync(fd);
  const holds = (start: number, end: number) =>
    ranges.some(({ offset, length }) => offset <= start && end <= offset + length);
  assert.ok(holds(0, 5));
  assert.ok(holds(4_000_000, 4_000_006));
  assert.ok(
    ranges.every(({ offset, length }, index) => length > 0 && offset >= (ranges[index - 1]?.offset ?? 0)),
  );
});

test('an empty file and one that is all hole have no parts with data, or one that covers them', () => {
  const fd = openSync(join(dir, 'hole'), 'w+');
  assert.deepEqual([...dataRanges(fd, 0)], []);
  ftruncateSync(fd, 1_000_000);
  const total = [...dataRanges(fd, 1_000_000)].reduce((sum, { length }) => sum + length, 0);
  assert.ok(total === 0 || total === 1_000_000);
  closeSync(fd);
});
