import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIgnoreFile } from './ignore.ts';

const read = (text: string) => parseIgnoreFile(Buffer.from(text), '.dockerignore');

test('patterns are lines, trimmed and cleaned; comments and empty lines are none', () => {
  assert.deepEqual(read('# comment\n\n  a  \n b/../c/ \r\n# more\n*.md'), ['a', 'c', '*.md']);
  assert.deepEqual(read(' # not a comment'), ['# not a comment']);
});

test('all patterns are relative to the root of the context', () => {
  assert.deepEqual(read('/a\n!/b\n! c\n//d'), ['a', '!b', '!c', 'd']);
});

test('a byte order mark is none of the first pattern', () => {
  assert.deepEqual(read('\ufeff# comment\na'), ['a']);
});

test('a pattern that is not complete is refused where it stands', () => {
  assert.throws(() => read('a\n[b'), {
    code: 'dockerfile',
    range: { file: '.dockerignore', start: { line: 2, column: 1 }, end: { line: 2, column: 3 } },
  });
  assert.throws(() => read('!'), { code: 'dockerfile' });
});
