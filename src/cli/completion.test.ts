import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { commands } from './commands.ts';
import { completeInBash, completeInFish, completeInZsh } from './completion.ts';

const all = await Promise.all(Object.values(commands).map(entry => entry.load()));

/** What bash offers to put at the end of a line, with a `stagecraft` that knows one image. */
function complete(...words: string[]): string[] {
  const script = `${completeInBash(all)}
    stagecraft() { echo 'app:1.0'; }
    COMP_LINE='stagecraft ${words.join(' ')}'
    COMP_POINT=\${#COMP_LINE}
    _stagecraft
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split('\n');
}

test('bash completes commands, flags, images and fixed words', () => {
  assert.deepEqual(complete('ima'), ['images']);
  assert.deepEqual(complete('images', '--no'), ['--no-trunc']);
  assert.deepEqual(complete('history', 'a'), ['app:1.0']);
  assert.deepEqual(complete('completion', 'z'), ['zsh']);
  assert.deepEqual(complete('build', '--progress', 'q'), ['quiet']);
});

test('bash completes what follows a colon or an equals sign', () => {
  assert.deepEqual(complete('run', 'app:'), ['1.0']);
  assert.deepEqual(complete('build', '--tag', 'app:1'), ['1.0']);
  assert.deepEqual(complete('build', '--progress=q'), ['quiet']);
  assert.deepEqual(complete('build', '--call', 'llb,format='), ['json']);
  assert.deepEqual(complete('build', '-o', 'type=o'), ['oci,dest=']);
  assert.deepEqual(complete('build', '--provenance=mode=m'), ['min', 'max']);
});

for (const [shell, script] of [
  ['zsh', completeInZsh(all)],
  ['fish', completeInFish(all)],
] as const) {
  const isMissing = spawnSync(shell, ['--version']).error !== undefined;
  test(`${shell} takes the script`, { skip: isMissing && `${shell} is not installed` }, t => {
    const file = join(mkdtempSync(join(tmpdir(), 'stagecraft-completion-')), 'script');
    t.after(() => rmSync(dirname(file), { recursive: true }));
    writeFileSync(file, script);
    const checked = spawnSync(shell, ['-n', file], { encoding: 'utf8' });
    assert.equal(checked.stderr, '');
    assert.equal(checked.status, 0);
  });
}

test('every command and every flag is in every script', () => {
  for (const script of [completeInBash(all), completeInZsh(all), completeInFish(all)]) {
    for (const command of all) {
      assert.ok(script.includes(command.name), command.name);
      for (const flag of Object.keys(command.flags))
        assert.ok(script.includes(flag), `${command.name} ${flag}`);
    }
  }
});
