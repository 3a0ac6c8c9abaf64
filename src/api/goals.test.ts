import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Definition } from '../llb/index.ts';
import { StagecraftError } from '../util/errors.ts';
import { explainGoals, type Goal } from './goals.ts';

const definition: Definition = { ops: [], metadata: new Map(), sources: new Map() };
const goal = (stage?: string, platform?: string): Goal => ({
  definition,
  ...(stage !== undefined && { stage }),
  ...(platform !== undefined && { platform }),
});
const [amd64, arm64] = ['linux/amd64', 'linux/arm64'];

function hintFor(goals: Goal[], hint?: string): string | undefined {
  const error = new StagecraftError('build', 'It failed.', { hint, exitCode: 3 });
  const explained = explainGoals(error, goals) as StagecraftError;
  assert.equal(explained.exitCode, 3);
  return explained.hint;
}

test('a failure tells of the required stages that it was for, unless an image needs the step as well', () => {
  assert.equal(hintFor([goal('"test"')]), 'The required stage "test" failed, so no image was made.');
  assert.equal(
    hintFor([goal('"test"')], 'Do this.'),
    'Do this.\nThe required stage "test" failed, so no image was made.',
  );
  assert.match(hintFor([goal('"test"'), goal('"lint"')])!, /required stages "test", "lint" failed/);
  assert.equal(hintFor([goal(), goal('"test"')]), undefined);
  assert.equal(hintFor([]), undefined);
});

test('of several platforms, it tells the one that needs the step', () => {
  assert.equal(hintFor([goal(undefined, arm64)]), 'It is a step of the image for linux/arm64.');
  assert.equal(hintFor([goal(undefined, amd64), goal(undefined, arm64)]), undefined);
  assert.equal(
    hintFor([goal(undefined, arm64), goal('"test"', amd64)]),
    'It is a step of the image for linux/arm64.',
  );
  assert.match(hintFor([goal('"test"', arm64)])!, /"test" failed for linux\/arm64/);
  assert.match(hintFor([goal('"test"', amd64), goal('"test"', arm64)])!, /"test" failed, so/);
});

test('a build that was stopped is only that', () => {
  const error = new StagecraftError('cancelled', 'The build was cancelled.');
  assert.equal(explainGoals(error, [goal('"test"')]), error);
});
