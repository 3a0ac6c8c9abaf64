import assert from 'node:assert/strict';
import { test } from 'node:test';
import { holdEvents } from './hold.ts';
import { EventScript } from './testing.ts';
import type { SolveStatus } from './types.ts';

const script = new EventScript(0);
const names = (events: SolveStatus[]) => events.map(event => event.vertexes?.[0]?.name);

test('events come in order once they are released', () => {
  const seen: SolveStatus[] = [];
  const held = holdEvents(event => seen.push(event), 1000);
  held.sink(script.start('a', 0));
  assert.equal(seen.length, 0);
  held.release();
  held.sink(script.start('b', 0));
  assert.deepEqual(names(seen), ['a', 'b']);
});

test('a build that goes on is seen after a moment', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const seen: SolveStatus[] = [];
  const held = holdEvents(event => seen.push(event), 300);
  held.sink(script.start('a', 0));
  t.mock.timers.tick(300);
  assert.deepEqual(names(seen), ['a']);
  assert.equal(held.drop(), false);
});

test('what is dropped is never seen', () => {
  const seen: SolveStatus[] = [];
  const held = holdEvents(event => seen.push(event), 1000);
  held.sink(script.start('a', 0));
  assert.equal(held.drop(), true);
  held.release();
  assert.deepEqual(seen, []);
});
