import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { test } from 'node:test';
import { program, run } from './support/program.ts';
import { Workspace } from './support/workspace.ts';

const work = new Workspace();

test('the flags of a command are for Stagecraft alone, also those that Node.js has too', async () => {
  const { code, stderr } = await work.stagecraft(['run', '--env-file', 'missing.env', 'app']);
  assert.match(stderr, /^ERROR: The file missing\.env of --env-file does not exist\./);
  assert.equal(code, 125);
});

test('a link to the launcher starts the program it belongs to', async () => {
  symlinkSync(program, work.path('link'));
  const { code, stdout } = await run([work.path('link'), '--version']);
  assert.match(stdout, /^stagecraft \d/);
  assert.equal(code, 0);
});
