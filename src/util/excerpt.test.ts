import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatExcerpt } from './excerpt.ts';

const text = Array.from({ length: 12 }, (_, i) => `line ${i + 1}`).join('\n');
const range = (start: number, end: number, column = 2) => ({
  file: 'Dockerfile',
  start: { line: start, column: 1 },
  end: { line: end, column },
});

test('a line is shown marked, with two lines around it', () => {
  assert.equal(
    formatExcerpt(text, range(10, 10)),
    `Dockerfile:10
--------------------
   8 |     line 8
   9 |     line 9
  10 | >>> line 10
  11 |     line 11
  12 |     line 12
--------------------
`,
  );
});

test('several lines are shown with one around them, as far as the file goes', () => {
  assert.equal(
    formatExcerpt('a\nb\nc\n', range(1, 3, 1)),
    `Dockerfile:1
--------------------
   1 | >>> a
   2 | >>> b
   3 |     c
--------------------
`,
  );
});

test('nothing is shown of lines that there are not', () => {
  assert.equal(formatExcerpt('a', range(2, 2)), '');
  assert.equal(formatExcerpt('a', range(0, 0)), '');
});

test('control characters do not reach the terminal', () => {
  assert.equal(formatExcerpt('RUN \x1b[2J\tx\r', range(1, 1)).split('\n')[2], '   1 | >>> RUN \ufffd[2J\tx');
});
