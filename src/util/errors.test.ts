import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeStepError, StagecraftError } from './errors.ts';

test('a step that was stopped did not fail', () => {
  assert.equal(describeStepError(AbortSignal.abort().reason), 'cancelled');
  assert.equal(describeStepError(new StagecraftError('cancelled', 'The build was cancelled.')), 'cancelled');
  assert.equal(describeStepError(new StagecraftError('io', 'No room.')), 'No room.');
  assert.equal(describeStepError('odd'), 'odd');
});
