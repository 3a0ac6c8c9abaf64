import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expandInstruction } from './expand-instruction.ts';
import { parseOne } from './testing.ts';
import type { StageInstruction } from './types.ts';

function expand<T extends StageInstruction>(instruction: T): T {
  return expandInstruction(
    instruction,
    word => `<${word}>`,
    body => `{${body}}`,
  );
}

test('COPY expands owners, modes, paths and the content of unquoted here-documents', () => {
  const copy = expand(
    parseOne('COPY', 'COPY --from=f --exclude=e --chown=o --chmod=m a <<E <<"F" d\nx\nE\ny\nF'),
  );
  assert.deepEqual(
    [copy.from, copy.exclude, copy.chown, copy.chmod, copy.sources, copy.destination],
    ['f', ['e'], '<o>', '<m>', ['<a>'], '<d>'],
  );
  assert.deepEqual(
    copy.inlineFiles.map(({ content }) => content),
    ['{x\n}', 'y\n'],
  );
  assert.equal(expand(parseOne('COPY', 'COPY a b')).chown, undefined);
});

test('each instruction expands just what the reference says it does', () => {
  assert.equal(expand(parseOne('ADD', 'ADD --checksum=c a b')).checksum, '<c>');
  assert.deepEqual(expand(parseOne('ENV', 'ENV a=b')).pairs[0]?.key, '<a>');
  assert.deepEqual(expand(parseOne('LABEL', 'LABEL a=b')).pairs[0]?.value, '<b>');
  assert.deepEqual(
    expand(parseOne('ARG', 'ARG a b=c')).args.map(({ key, value }) => [key, value]),
    [
      ['<a>', undefined],
      ['<b>', '<c>'],
    ],
  );
  assert.equal(expand(parseOne('USER', 'USER a')).user, '<a>');
  assert.equal(expand(parseOne('WORKDIR', 'WORKDIR a')).path, '<a>');
  assert.equal(expand(parseOne('STOPSIGNAL', 'STOPSIGNAL a')).signal, '<a>');
  assert.deepEqual(expand(parseOne('VOLUME', 'VOLUME a b')).volumes, ['<a>', '<b>']);
  for (const text of [
    'CMD $a',
    'ENTRYPOINT $a',
    'RUN $a',
    'ONBUILD RUN $a',
    'SHELL ["$a"]',
    'HEALTHCHECK CMD $a',
  ]) {
    const instruction = parseOne(text.split(' ')[0] as 'RUN', text);
    assert.equal(expand(instruction), instruction);
  }
});
