import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../util/property.ts';
import { parseChallenges } from './challenge.ts';

const read = (header: string) =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

test('the token server of a registry is read from its answer', () => {
  const header =
    'Bearer realm="https://auth.test/token",service="registry.test",scope="repository:a/b:pull,push"';
  assert.deepEqual(read(header), [
    [
      'bearer',
      { realm: 'https://auth.test/token', service: 'registry.test', scope: 'repository:a/b:pull,push' },
    ],
  ]);
});

test('several challenges, spaces, bare values and escapes', () => {
  assert.deepEqual(read('Negotiate, Basic realm="a \\"b\\", c" , charset=UTF-8, Bearer realm = x'), [
    ['negotiate', {}],
    ['basic', { realm: 'a "b", c', charset: 'UTF-8' }],
    ['bearer', { realm: 'x' }],
  ]);
});

test('no header is an error', () => {
  fc.assert(fc.property(fc.string(), header => Array.isArray(parseChallenges(header))));
});
