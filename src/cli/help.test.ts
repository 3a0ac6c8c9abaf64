import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commands } from './commands.ts';
import { describeCommand, describeProgram } from './help.ts';
import { parseCommandLine } from './parse.ts';

for (const [name, entry] of Object.entries(commands)) {
  test(`the help of ${name} tells every flag, and its examples are command lines that ${name} takes`, async () => {
    const command = await entry.load();
    assert.equal(command.name, name);
    assert.equal(command.summary, entry.summary, 'the overview and the command say the same');
    const help = describeCommand(command);
    for (const flag of Object.keys(command.flags)) assert.match(help, new RegExp(`--${flag}\\b`));
    assert.ok(command.examples.length > 0);
    for (const [, line] of command.examples) {
      const [, first, ...words] = wordsOf(line);
      assert.equal(first, name);
      assert.doesNotThrow(() => parseCommandLine(command, words), line);
    }
  });
}

test('the overview lists every command', () => {
  for (const name of Object.keys(commands)) assert.match(describeProgram(), new RegExp(`^  ${name} `, 'm'));
});

/** The words of the `stagecraft` command in a line of shell, as far as examples use shell. */
function wordsOf(line: string): string[] {
  const command = /stagecraft [^|<>]*/.exec(line.replace(/\$\([^)]*\)/g, 'x'))![0].replace(/\)$/, '');
  return [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(match => match[1] ?? match[2] ?? match[3]!);
}
