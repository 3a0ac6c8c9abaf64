import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../util/property.ts';
import { completeHistory, limitTimes } from './history.ts';

const at = (day: number): string => `2024-01-${String(day).padStart(2, '0')}T00:00:00Z`;

test('layers and history entries that belong together get the times of the layers', () => {
  const history = completeHistory(
    [
      { created_by: 'COPY a' },
      { created_by: 'ENV x=1', empty_layer: true },
      { created_by: 'RUN b' },
      { created_by: 'CMD b', empty_layer: true },
    ],
    [{ created: at(1) }, { created: at(2) }],
  );
  assert.deepEqual(
    history.map(entry => [entry.created_by, entry.created, entry.empty_layer ?? false]),
    [
      ['COPY a', at(1), false],
      ['ENV x=1', at(2), true],
      ['RUN b', at(2), false],
      ['CMD b', at(2), true],
    ],
  );
});

test('whatever the history says, each layer has one entry and each entry a time', () => {
  const entry = fc.record(
    { created: fc.constantFrom('', at(3), at(9)), empty_layer: fc.boolean(), created_by: fc.string() },
    { requiredKeys: [] },
  );
  const layer = fc.record({ created: fc.constantFrom(at(1), at(5)), description: fc.string() });
  fc.assert(
    fc.property(fc.array(entry), fc.array(layer), (history, layers) => {
      const completed = completeHistory(history, layers);
      assert.equal(completed.filter(each => !each.empty_layer).length, layers.length);
      assert.ok(completed.every(each => each.created));
      assert.ok(completed.length >= history.length);
      assert.deepEqual(completeHistory(completed, layers), completed);
    }),
  );
});

test('the epoch limits times, but not those of the base image', () => {
  const base = [{ created: at(20), created_by: 'base' }];
  const history = [...base, { created: at(20), created_by: 'mine' }, { created: at(1), created_by: 'early' }];
  assert.deepEqual(
    limitTimes(history, at(10), base).map(entry => entry.created),
    [at(20), at(10), at(1)],
  );
  assert.deepEqual(
    limitTimes(history, at(10)).map(entry => entry.created),
    [at(10), at(10), at(1)],
  );
});
