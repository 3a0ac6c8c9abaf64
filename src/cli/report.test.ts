import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StagecraftError } from '../util/errors.ts';
import { describeError } from './report.ts';

const options = { color: false, debug: false };

test('what a server or a Dockerfile says does not reach the terminal as a command to it', () => {
  const error = new StagecraftError('io', 'It says: \u001b[2Jgone.', { hint: 'Ask\u009b1m it.\nTwice.' });
  assert.equal(describeError(error, options), 'ERROR: It says: [2Jgone.\nAsk1m it.\nTwice.\n');
  assert.ok(!describeError(new Error('\u001b]0;x'), options).includes('\u001b'));
});
