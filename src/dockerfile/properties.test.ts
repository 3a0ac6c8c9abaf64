// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the syntax under test
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StagecraftError } from '../util/errors.ts';
import { fc } from '../util/property.ts';
import { expandWord, expandWords } from './expand.ts';
import { parseDockerfile, parseInstruction } from './parse.ts';
import type { Dockerfile, Instruction } from './types.ts';

function tryParse(bytes: Uint8Array): Dockerfile | undefined {
  try {
    return parseDockerfile(bytes, 'Dockerfile');
  } catch (error) {
    assert.ok(error instanceof StagecraftError, String(error));
    assert.equal(error.code, 'dockerfile');
    assert.ok(error.range, `without range: ${error.message}`);
    return undefined;
  }
}

const keyword = fc.constantFrom(
  ...[
    'FROM a',
    'ADD',
    'ARG',
    'CMD',
    'COPY',
    'ENTRYPOINT',
    'ENV',
    'EXPOSE',
    'HEALTHCHECK',
    'LABEL',
    'MAINTAINER',
  ],
  ...[
    'ONBUILD',
    'RUN',
    'SHELL',
    'STOPSIGNAL',
    'USER',
    'VOLUME',
    'WORKDIR',
    'run',
    'NONSENSE',
    '# escape=`',
    '#',
  ],
);
const flag = fc.constantFrom(
  ...[
    '--from=x',
    '--mount=type=cache,target=/a',
    '--mount=a"',
    '--link',
    '--interval=1s',
    '--',
    '--x',
    "--chown='a b'",
  ],
);
const word = fc.oneof(
  fc.constantFrom(
    ...[
      'a',
      '/b',
      'c=d',
      'e="f g"',
      '$h',
      '${i:-j}',
      '["k", "l"]',
      '["m", 1]',
      'AS',
      'CMD',
      'RUN',
      '<<E',
      "<<-'E'",
    ],
    ...['\\', '`', '"', "'", '\ufeff', '\u00a0', '\0', '🚀', '\ud800'],
  ),
  fc.string({ maxLength: 4 }),
);
const separator = fc.constantFrom(
  ' ',
  ' ',
  '\t',
  ' \\\n',
  '\\\n# c\n',
  '`\n',
  '\r\n',
  '\n',
  '\nE\n',
  '\n\tE\n',
  '',
);
const dockerfile = fc
  .array(
    fc.oneof(keyword, flag, word).chain(text => separator.map(end => text + end)),
    { maxLength: 30 },
  )
  .map(pieces => `FROM scratch\n${pieces.join('')}`);

test('any bytes end in a tree, or in an error that says where', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
      tryParse(bytes);
    }),
    { numRuns: 2000 },
  );
});

test('anything like a Dockerfile ends in a tree, or in an error that says where', () => {
  fc.assert(
    fc.property(dockerfile, text => {
      tryParse(Buffer.from(text));
    }),
    { numRuns: 5000 },
  );
});

test('instructions follow one another, inside the file and without overlap', () => {
  fc.assert(
    fc.property(dockerfile, text => {
      const file = tryParse(Buffer.from(text));
      if (!file) return;
      const all: Instruction[] = file.stages.flatMap(stage => [stage.from, ...stage.instructions]);
      const lines = file.text.split('\n');
      let line = 0;
      for (const { range } of all) {
        assert.ok(range.start.line > line, 'an instruction starts on a line of its own');
        assert.ok(range.end.line >= range.start.line && range.end.line <= lines.length);
        assert.ok(range.end.column <= lines[range.end.line - 1]!.length + 1);
        line = range.end.line;
      }
    }),
    { numRuns: 3000 },
  );
});

test('an instruction that stands alone on its line reads again as the same', () => {
  const plain = ({ kind, original, operands, flags }: Instruction) => ({
    kind,
    original,
    operands: operands.map(({ text }) => text),
    flags: flags.map(({ name, value }) => [name, value]),
  });
  fc.assert(
    fc.property(dockerfile, text => {
      const file = tryParse(Buffer.from(text));
      if (file?.escape !== '\\') return;
      for (const instruction of file.stages.flatMap(stage => stage.instructions)) {
        if (instruction.original.includes('<<') || instruction.original.endsWith('\\')) continue;
        assert.deepEqual(plain(parseInstruction(instruction.original, 'again')), plain(instruction));
      }
    }),
    { numRuns: 3000 },
  );
});

const syntax = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...[
          '$',
          '{',
          '}',
          '${A',
          ':-',
          '-',
          ':+',
          '+',
          '?',
          '#',
          '##',
          '%',
          '%%',
          '/',
          '//',
          '*',
          '\\',
          '"',
          "'",
          '<<',
          ' ',
        ],
        ...['🚀', '\n', '\ud800'],
      ),
      fc.string({ maxLength: 3 }),
    ),
    { maxLength: 12 },
  )
  .map(pieces => pieces.join(''));

test('any word expands, or is refused', () => {
  fc.assert(
    fc.property(
      syntax,
      fc.string(),
      fc.record({
        escape: fc.constantFrom('\\' as const, '`' as const),
        rawQuotes: fc.boolean(),
        rawEscapes: fc.boolean(),
        ignoreQuotes: fc.boolean(),
        keepUnset: fc.boolean(),
      }),
      (text, value, options) => {
        const env = new Map([['A', value]]);
        try {
          const { result } = expandWord(text, env, options);
          const words = expandWords(text, env, options);
          // Splitting takes away white space and nothing else.
          assert.equal(words.join('').replace(/\s|\u0085/g, ''), result.replace(/\s|\u0085/g, ''));
        } catch (error) {
          assert.ok(error instanceof StagecraftError, String(error));
          assert.equal(error.code, 'dockerfile');
        }
      },
    ),
    { numRuns: 5000 },
  );
});

test('what is quoted stays as it is, whatever it is', () => {
  fc.assert(
    fc.property(fc.string(), text => {
      const env = new Map([['A', text]]);
      if (!text.includes("'")) assert.equal(expandWord(`'${text}'`, env).result, text);
      assert.equal(expandWord('${A}', env).result, text);
      assert.deepEqual(expandWords('"$A"', env), text === '' ? [] : [text]);
    }),
    { numRuns: 2000 },
  );
});
