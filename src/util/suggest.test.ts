import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest, suggest } from './suggest.ts';

const options = ['builder', 'build', 'test', 'Release'];

test('the nearest option is suggested, whatever the case', () => {
  assert.equal(suggest('bulider', options), 'builder');
  assert.equal(suggest('biuld', options), 'build');
  assert.equal(suggest('TEXT', options), 'test');
  assert.equal(suggest('relaese', options), 'Release');
});

test('nothing is suggested for what is too far off, or right', () => {
  assert.equal(suggest('deploy', options), undefined);
  assert.equal(suggest('tt', ['ab']), undefined);
  assert.equal(suggest('Build', options), undefined);
  assert.equal(suggest('', options), undefined);
});

test("variables are guessed at with letter case, by BuildKit's measure", () => {
  assert.equal(nearest('PATHS', ['HOME', 'PATH']), 'PATH');
  assert.equal(nearest('foo', ['FOO']), undefined);
  assert.equal(nearest('X', ['Y', 'X']), undefined);
  assert.equal(nearest('X', ['Y', 'Z']), 'Y');
  assert.equal(nearest('X', ['', 'ABCD']), undefined);
});
