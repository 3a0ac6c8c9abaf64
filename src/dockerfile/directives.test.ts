import assert from 'node:assert/strict';
import { test } from 'node:test';
import { detectSyntax } from './directives.ts';

const syntaxOf = (text: string) => detectSyntax(text, 'Dockerfile')?.frontend;

test('the frontend that a file asks for is found in every format', () => {
  assert.equal(syntaxOf('# syntax=docker/dockerfile:1 extra\nFROM a'), 'docker/dockerfile:1');
  assert.equal(syntaxOf('#!/bin/frontend\n# escape=`\n# syntax = a/b'), 'a/b');
  assert.equal(syntaxOf('// syntax=a/b\n{}'), 'a/b');
  assert.equal(syntaxOf('{"syntax": "a/b"}'), 'a/b');
});

test('a file that asks for none has none', () => {
  for (const text of ['', 'FROM a\n# syntax=b', '# comment\n# syntax=b', '{"syntax": 1}', '{', '# syntax='])
    assert.equal(syntaxOf(text), undefined, text);
});

test('the line that asks is told', () => {
  assert.deepEqual(detectSyntax('#!/bin/frontend\n# escape=`\n# syntax = a/b\r\n', 'F')?.range, {
    file: 'F',
    start: { line: 3, column: 1 },
    end: { line: 3, column: 15 },
  });
});
