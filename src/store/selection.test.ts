import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Owner } from './owners.ts';
import { allowedSize, matches, parseFilter } from './selection.ts';

const step: Owner = {
  type: 'step',
  id: 'sha256:0123',
  description: 'RUN npm ci',
  lastUsedAt: 0,
  isNamed: false,
  parts: ['layers/3f2a', 'blobs/sha256/0123456789abcdef'],
};

const holds = (...filters: string[]): boolean => matches(step, filters.map(parseFilter));

test('filters hold by type, id and description, in the words of BuildKit too', () => {
  assert.ok(holds() && holds('type=step') && holds('type==regular') && !holds('type=image'));
  assert.ok(holds('id=sha256:0123') && holds('id=3f2a') && !holds('id=3f2'));
  assert.ok(holds('id=0123456789ab'), 'the beginning of a digest');
  assert.ok(holds('description~=npm (ci|install)') && !holds('description=npm'));
  assert.ok(holds('type!=image') && !holds('type!=step'));
});

test('filters hold by what BuildKit says of records', () => {
  const image = new Set(['layers/3f2a']);
  const isHeld = (...filters: string[]): boolean => matches(step, filters.map(parseFilter), image);
  assert.ok(isHeld('shared') && isHeld('shared=true') && !isHeld('private') && !holds('shared'));
  assert.ok(isHeld('private=false') && isHeld('private!=1') && holds('private'));
  assert.ok(holds('immutable') && !holds('mutable') && !holds('inuse') && holds('inuse=false'));
  assert.ok(matches({ ...step, type: 'cache-mount' }, [parseFilter('mutable')]));
  assert.ok(!holds('type=frontend') && holds('type!=frontend'));
  assert.throws(() => parseFilter('shared=maybe'), /neither true nor false/);
  assert.throws(() => parseFilter('parents=3f2a'), /cannot be understood/);
});

test('one of several values must hold, and every key', () => {
  assert.ok(holds('type=image', 'type=step') && !holds('type=image', 'type=base'));
  assert.ok(!holds('type=step', 'id=other') && !holds('type!=image', 'type!=step'));
});

test('filters that mean nothing are refused', () => {
  assert.throws(() => parseFilter('label=x'), /The filter label=x cannot be understood/);
  assert.throws(() => parseFilter('type=stepp'), /names a type that does not exist/);
  assert.throws(() => parseFilter('id~=('), /is no valid pattern/);
});

test('sizes bound the store as BuildKit has it', () => {
  assert.equal(allowedSize(100, 10, { maxUsed: 50 }), 50);
  assert.equal(allowedSize(100, 10, { maxUsed: 50, reserved: 70 }), 70);
  assert.equal(allowedSize(100, 10, { minFree: 30 }), 80);
  assert.equal(allowedSize(100, 10, { minFree: 30, reserved: 90 }), 90);
  assert.equal(allowedSize(100, 40, { minFree: 30 }), Number.POSITIVE_INFINITY);
  assert.equal(allowedSize(100, 10, { minFree: 30, maxUsed: 60 }), 60);
  assert.equal(allowedSize(100, 10, { reserved: 40 }), 40);
});
