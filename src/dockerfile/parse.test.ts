// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the syntax under test
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseInstruction } from './parse.ts';
import { cut, errorOf, parse, parseOne } from './testing.ts';

test('a file is what stands before the first FROM, and stages', () => {
  const file = parse(
    [
      '# syntax=docker/dockerfile:1',
      'ARG VERSION=bookworm',
      'FROM debian:$VERSION AS Builder',
      'RUN make',
      '',
      'FROM --platform=$BUILDPLATFORM scratch',
      'COPY --from=builder /out /',
      'CMD ["/out"]',
    ].join('\n'),
  );
  assert.equal(file.metaArgs[0]?.args[0]?.value, 'bookworm');
  assert.deepEqual(
    file.stages.map(({ index, name, baseName, platform }) => ({ index, name, baseName, platform })),
    [
      { index: 0, name: 'builder', baseName: 'debian:$VERSION', platform: undefined },
      { index: 1, name: undefined, baseName: 'scratch', platform: '$BUILDPLATFORM' },
    ],
  );
  assert.deepEqual(file.stages[0]?.from.written, { as: 'AS', name: 'Builder' });
  assert.deepEqual(
    file.stages[1]?.instructions.map(({ kind }) => kind),
    ['COPY', 'CMD'],
  );
});

test('ranges point at stages, instructions, flags and operands', () => {
  const text =
    'FROM scratch AS a\nRUN --network=none \\\n  # why\n  make all\n\nENV A=1 \\\n B="2 3"\nFROM a\n';
  const file = parse(text);
  const [stage] = file.stages;
  const [run, env] = stage!.instructions;
  assert.equal(
    cut(text, stage!.range),
    'FROM scratch AS a\nRUN --network=none \\\n  # why\n  make all\n\nENV A=1 \\\n B="2 3"',
  );
  assert.equal(cut(text, run!.range), 'RUN --network=none \\\n  # why\n  make all');
  assert.equal(cut(text, run!.flags[0]!.range), '--network=none');
  assert.equal(cut(text, run!.operands[0]!.range), 'make all');
  assert.deepEqual(
    env!.operands.map(operand => cut(text, operand.range)),
    ['A=1', 'B="2 3"'],
  );
});

test('parser directives are the first comments, whatever their case and spaces', () => {
  const file = parse(
    '# Syntax = docker/dockerfile:1 \n#check=skip=all;error=true\n# escape=`\nFROM a\nRUN b `\n c',
  );
  assert.deepEqual(
    file.directives.map(({ name, value, range }) => [name, value, range.start.line]),
    [
      ['syntax', 'docker/dockerfile:1', 1],
      ['check', 'skip=all;error=true', 2],
      ['escape', '`', 3],
    ],
  );
  assert.equal(file.escape, '`');
  assert.equal(file.stages[0]?.instructions[0]?.original, 'RUN b  c');
});

test('a comment, an unknown name, an empty line or an instruction ends the directives', () => {
  for (const first of ['# hello', '# unknown=1', '', 'ARG a']) {
    const file = parse(`${first}\n# escape=\`\nFROM a\nRUN b`);
    assert.equal(file.escape, '\\');
    assert.deepEqual(file.directives, []);
  }
});

test('a directive given twice and an impossible escape character are refused', () => {
  assert.match(errorOf('# escape=`\n# escape=`\nFROM a'), /^2:1 .*twice/);
  assert.match(errorOf('# escape=x\nFROM a'), /^1:1 .*"x"/);
});

test('a byte order mark and Windows line ends change nothing', () => {
  const text = '# syntax=x\nFROM a\nRUN b \\\n c\nCOPY <<E /d\nline\nE\n';
  const windows = parse(`\ufeff${text.replaceAll('\n', '\r\n')}`);
  const [run, copy] = windows.stages[0]!.instructions;
  assert.equal(windows.directives[0]?.value, 'x');
  assert.equal(run?.original, 'RUN b  c');
  // The content of a here-document is the file's own, line ends too.
  assert.equal(copy?.kind === 'COPY' && copy.inlineFiles[0]?.content, 'line\r\n');
});

test('comments may stand anywhere, also between continued lines', () => {
  const file = parse('#a\nFROM a \\\n# a comment\n  AS b\n  # indented\nRUN x\\\n  #y\n\\\n#z\n y');
  assert.deepEqual(
    [file.stages[0]?.from.original, file.stages[0]?.instructions[0]?.original],
    ['FROM a   AS b', 'RUN x y'],
  );
});

test('a # after the start of a line is no comment', () => {
  assert.equal(parseOne('RUN', 'RUN a # b').original, 'RUN a # b');
});

test('comments directly above belong to the instruction; an empty comment separates', () => {
  const file = parse(
    '# far\n#\n# version is the version\n\n# and more\nARG version other\n# base is the base\nFROM a AS base',
  );
  assert.deepEqual(file.metaArgs[0]?.comments, ['version is the version', 'and more']);
  assert.deepEqual(
    file.metaArgs[0]?.args.map(({ comment }) => comment),
    ['is the version', undefined],
  );
  assert.equal(file.stages[0]?.comment, 'is the base');
});

test('the escape character continues a line also before blanks, but not when it is escaped', () => {
  assert.equal(parseOne('RUN', 'RUN a\\ \t\n b').original, 'RUN a b');
  const file = parse('FROM a\nRUN b\\\\\nRUN c');
  assert.equal(file.stages[0]?.instructions.length, 2);
});

test('empty lines between continued lines are skipped, with a warning', () => {
  const file = parse('FROM a\nRUN b \\\n\n  c\nRUN d');
  assert.equal(file.stages[0]?.instructions[0]?.original, 'RUN b   c');
  assert.deepEqual(
    file.warnings.map(({ rule, range }) => [rule, range.start.line]),
    [['NoEmptyContinuation', 4]],
  );
});

test('the last line may continue to nothing', () => {
  assert.equal(parseOne('RUN', 'RUN a \\').original, 'RUN a');
  assert.equal(parseOne('RUN', 'RUN a \\\n# end').original, 'RUN a');
});

test('keywords count in any case, and are kept as written', () => {
  assert.equal(parseOne('WORKDIR', 'workDir /a').keyword, 'workDir');
});

test('files without a build are refused', () => {
  assert.match(errorOf(''), /no instructions/);
  assert.match(errorOf('# comment\n\n'), /no instructions/);
  assert.match(errorOf('RUN a\nFROM b'), /^1:1 RUN stands before the first FROM/);
  assert.equal(parse('ARG a').stages.length, 0);
});

test('an unknown instruction gets a suggestion', () => {
  assert.match(errorOf('FROM a\nCPOY b c'), /^2:1 Unknown instruction "CPOY". Did you mean COPY\?/);
  assert.match(errorOf('FROM a\nrnu b'), /Did you mean run\?/);
  assert.match(errorOf('FROM a\nRUN b\n  && c'), /^3:3 Unknown instruction "&&". .*line above/);
});

test('stage names are letters, digits and - _ .', () => {
  assert.equal(parse('FROM a AS A-1_b.c').stages[0]?.name, 'a-1_b.c');
  assert.match(errorOf('FROM a AS 1a'), /^1:11 .*"1a"/);
  assert.match(errorOf('FROM a AS a/b'), /"a\/b"/);
  for (const text of ['FROM', 'FROM a b', 'FROM a as', 'FROM a b c', 'FROM a as b c'])
    assert.match(errorOf(text), /one argument or three/);
});

test('lines longer than BuildKit reads are refused', () => {
  assert.ok(parse(`FROM a\nRUN ${'b'.repeat(65531)}\n`));
  assert.match(errorOf(`FROM a\nRUN ${'b'.repeat(65532)}\n`), /^2:1 Line 2 of Dockerfile is longer/);
  assert.match(errorOf(`FROM a\nRUN ${'é'.repeat(32766)}`), /longer than 65535 bytes/);
});

test('bytes that are not UTF-8 survive in here-documents', () => {
  const bytes = Buffer.concat([
    Buffer.from('FROM a\n# é\nCOPY <<-"E" /d\n\t'),
    Buffer.from([0xff, 0x00]),
    Buffer.from('\nE\nCOPY <<F /d\nplain\nF\n'),
  ]);
  const [first, second] = parse(bytes).stages[0]!.instructions;
  assert.deepEqual(first?.kind === 'COPY' && first.inlineFiles[0]?.bytes, Buffer.from([0xff, 0x00, 0x0a]));
  assert.equal(second?.kind === 'COPY' && second.inlineFiles[0]?.bytes, undefined);
});

test('a trigger from an image config reads like the instruction it was', () => {
  const { trigger } = parseOne('ONBUILD', 'OnBuild COPY --chown=1 <<A <<B /d\n1\nA\n2\nB');
  const copy = parseInstruction(trigger, 'trigger of image x');
  assert.equal(copy.kind === 'COPY' && copy.inlineFiles[1]?.content, '2\n');
  assert.equal(copy.range.file, 'trigger of image x');
  assert.throws(() => parseInstruction('RUN a\nRUN b', 'x'), { message: /more than one/ });
  assert.throws(() => parseInstruction('FROM a', 'x'), { code: 'dockerfile' });
  assert.throws(() => parseInstruction('', 'x'), { code: 'dockerfile' });
});
