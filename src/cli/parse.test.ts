import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineCommand } from './command.ts';
import { parseCommandLine } from './parse.ts';

const command = defineCommand({
  name: 'try',
  summary: 'Try',
  usage: '[WORD...]',
  flags: {
    tag: { kind: 'list', short: 't', value: 'NAME', help: '' },
    file: { kind: 'text', short: 'f', value: 'FILE', help: '' },
    quiet: { kind: 'boolean', short: 'q', help: '' },
    interactive: { kind: 'boolean', short: 'i', help: '' },
    'no-cache': { kind: 'boolean', help: '' },
  },
  args: { min: 0, max: 2 },
  examples: [],
  async run() {
    return 0;
  },
});

function parse(...words: string[]) {
  const parsed = parseCommandLine(command, words);
  assert.ok(!parsed.help);
  return { ...parsed.flags, args: parsed.args };
}

const nothing = { tag: [], file: undefined, quiet: undefined, interactive: undefined, 'no-cache': undefined };

test('flags are written in all the ways that Docker takes', () => {
  const expected = { ...nothing, tag: ['a', 'b'], file: 'x', quiet: true, args: ['.'] };
  assert.deepEqual(parse('-t', 'a', '--tag', 'b', '-f', 'x', '-q', '.'), expected);
  assert.deepEqual(parse('--tag=a', '--tag=b', '--file=x', '--quiet=true', '.'), expected);
  assert.deepEqual(parse('.', '-ta', '-t=b', '-fx', '-q=1'), expected);
});

test('short switches may be joined, the last one with a value', () => {
  assert.deepEqual(parse('-qif', 'x'), { ...nothing, quiet: true, interactive: true, file: 'x', args: [] });
});

test('a switch can be turned off, and the last word counts', () => {
  assert.equal(parse('--no-cache=false')['no-cache'], false);
  assert.equal(parse('-q', '-q=false').quiet, false);
  assert.throws(() => parse('--quiet=perhaps'), /"perhaps" is neither true nor false/);
});

test('a short switch may have its value with a sign', () => {
  assert.equal(parse('-q=false').quiet, false);
  assert.equal(parse('-iq=true').quiet, true);
});

test('a value may begin with a dash, and after -- nothing is a flag', () => {
  assert.equal(parse('-f', '-').file, '-');
  assert.equal(parse('--file', '--quiet').file, '--quiet');
  assert.deepEqual(parse('-').args, ['-']);
  assert.equal(parse('--file=').file, '');
  assert.deepEqual(parse('--', '-q', '--file').args, ['-q', '--file']);
});

test('a flag that does not exist is an error that names the one meant', () => {
  assert.throws(() => parse('--flie', 'x'), { message: /no flag --flie/, hint: /Did you mean --file\?/ });
  assert.throws(() => parse('-z'), /no flag -z/);
  assert.throws(() => parse('--toString'), /no flag --toString/);
});

test('a flag without its value is an error', () => {
  assert.throws(() => parse('--file'), /--file needs a value: FILE/);
});

test('too many and too few arguments are errors', () => {
  assert.throws(() => parse('a', 'b', 'c'), /takes at most 2 arguments, but there are 3/);
  const strict = { ...command, args: { min: 1, max: 1 } };
  assert.throws(() => parseCommandLine(strict, []), /takes 1 argument, but none was given/);
});

test('--help is heard even when arguments are missing', () => {
  assert.equal(parseCommandLine({ ...command, args: { min: 1, max: 1 } }, ['--help']).help, true);
  assert.equal(parseCommandLine(command, ['-h']).help, true);
});

test('where flags come first, everything after the first argument belongs to it', () => {
  const run = { ...command, flagsFirst: true, args: { min: 1, max: Number.POSITIVE_INFINITY } };
  const parsed = parseCommandLine(run, ['-q', 'image', 'ls', '-q', '--', '-f=1', '--help']);
  assert.ok(!parsed.help);
  assert.deepEqual(parsed.args, ['image', 'ls', '-q', '--', '-f=1', '--help']);
  assert.equal(parsed.flags.quiet, true);
});
