import assert from 'node:assert/strict';
import { test } from 'node:test';
import { detectSyntax } from './directives.ts';

test('the frontend that a file asks for is found in every format', () => {
  assert.equal(detectSyntax('# syntax=docker/dockerfile:1 extra\nFROM a'), 'docker/dockerfile:1');
  assert.equal(detectSyntax('#!/bin/frontend\n# escape=`\n# syntax = a/b'), 'a/b');
  assert.equal(detectSyntax('// syntax=a/b\n{}'), 'a/b');
  assert.equal(detectSyntax('{"syntax": "a/b"}'), 'a/b');
});

test('a file that asks for none has none', () => {
  for (const text of ['', 'FROM a\n# syntax=b', '# comment\n# syntax=b', '{"syntax": 1}', '{', '# syntax='])
    assert.equal(detectSyntax(text), undefined, text);
});
