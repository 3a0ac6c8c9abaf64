import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestOf } from '../util/digest.ts';
import { Measures } from './measures.ts';
import type { VertexStatus } from './types.ts';

test('a part of a step has one beginning and one end, and is not told more often than anyone can see', async () => {
  const told: VertexStatus[] = [];
  const measures = new Measures(({ statuses = [] }) => told.push(...statuses), digestOf('step'));
  measures.status('blob', 0, 10);
  for (let current = 1; current < 10; current++) measures.status('blob', current, 10);
  await sleep(100);
  measures.status('blob', 10, 10);
  measures.status('blob', 10, 10);
  assert.deepEqual(
    told.map(({ current, total }) => [current, total]),
    [
      [0, 10],
      [10, 10],
    ],
  );
  const [first, last] = told;
  assert.equal(last!.started, first!.started);
  assert.ok(last!.completed! > last!.started!);
});
