import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../util/property.ts';
import { finalCommand, isOneCommand, shellCommands } from './shell-commands.ts';

const words = (text: string) =>
  shellCommands(text).map(command => command.words.map(word => word.text).join(' '));

test('Commands are found in their order, wherever they stand', () => {
  assert.deepEqual(words('apt-get update && apt-get install -y "a b" c; rm -rf /x | cat'), [
    'apt-get update',
    'apt-get install -y a b c',
    'rm -rf /x',
    'cat',
  ]);
  assert.deepEqual(words('if test -f x; then (pip install y); fi; for a in b; do make $a; done'), [
    'test -f x',
    'pip install y',
    'make $a',
  ]);
  assert.deepEqual(words('set -e\nnpm ci\n\nx=$(go env GOPATH) || true'), [
    'set -e',
    'npm ci',
    'go env GOPATH',
    'true',
  ]);
  assert.deepEqual(words('cat <<EOF > f\napt-get install no\nEOF\nls'), ['cat', 'ls']);
});

test('What only runs another program is taken off', () => {
  assert.deepEqual(words('sudo -E -u app env A=1 nice -n 5 /usr/bin/apt-get install x'), [
    '/usr/bin/apt-get install x',
  ]);
  assert.equal(shellCommands('sudo /usr/bin/apt-get update')[0]!.name, 'apt-get');
  assert.deepEqual(
    [...shellCommands('B=2 env A=1 pip install x')[0]!.variables],
    [
      ['B', '2'],
      ['A', '1'],
    ],
  );
  assert.deepEqual(words('xargs -a list apt-get install -y'), ['apt-get install -y']);
  assert.deepEqual(words('timeout 60 apt-get update; env'), ['apt-get update', 'env']);
  assert.ok(shellCommands('exec node x')[0]!.isExec);
});

test('The text of sh -c is looked into, with the place of its word', () => {
  const text = 'bash -ec "apt-get update && ls"';
  const [outer, update, ls] = shellCommands(text);
  assert.equal(outer!.name, 'bash');
  assert.equal(update!.words[1]!.text, 'update');
  assert.ok(update!.isNested);
  assert.equal(text.slice(ls!.start, ls!.end), '"apt-get update && ls"');
});

test('Words know their place and whether they are just text', () => {
  const text = "pip install 'a b' $X *.whl ~/y";
  const [command] = shellCommands(text);
  assert.deepEqual(
    command!.words.map(word => [text.slice(word.start, word.end), word.isPlain]),
    [
      ['pip', true],
      ['install', true],
      ["'a b'", true],
      ['$X', false],
      ['*.whl', false],
      ['~/y', false],
    ],
  );
});

test('The final command is the one that could replace the shell', () => {
  assert.equal(finalCommand('a && b c')?.name, 'b');
  assert.equal(finalCommand('a; exec b')?.isExec, true);
  for (const text of ['a | b', 'a || b', 'a & b', 'a &', 'while true; do a; done', '(a)', ''])
    assert.equal(finalCommand(text), undefined, text);
  assert.ok(isOneCommand('node server.js'));
  for (const text of ['a && b', 'a > b', 'X=1 a', 'a &', '']) assert.ok(!isOneCommand(text), text);
});

test('Any text is read without an error, and places are within it', () => {
  const piece = fc.constantFrom(
    ...['a', ' ', '\n', '"', "'", '`', '$(', ')', '${', '}', '((', '))', '&&', '||', '|', ';', '<<A', '\\'],
    ...[
      '[[',
      '{',
      'f()',
      'case',
      'esac',
      'in',
      'if',
      'fi',
      'sh -c',
      'sudo',
      '=',
      '$',
      '#',
      '!',
      '>',
      '&',
      'é',
    ],
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(piece, { maxLength: 40 }).map(all => all.join('')),
  );
  fc.assert(
    fc.property(text, each => {
      for (const command of shellCommands(each))
        for (const { start, end } of [command, ...command.words])
          assert.ok(0 <= start && start <= end && end <= each.length);
      finalCommand(each);
    }),
    { numRuns: 2000 },
  );
});

test('What is nested beyond all measure ends in nothing', () => {
  for (const text of ['f() ', '$(', '(', '"$(', '{ ', 'if a; then '])
    assert.ok(Array.isArray(shellCommands(text.repeat(10_000))));
});
