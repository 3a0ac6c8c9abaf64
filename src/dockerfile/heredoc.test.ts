import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asHeredocMarker, findHeredocMarkers } from './heredoc.ts';
import { cut, errorOf, parse, parseOne } from './testing.ts';

test('a RUN that is nothing but a here-document runs it as its script', () => {
  const run = parseOne(
    'RUN',
    'RUN --network=none <<EOF\nset -e\n# not a Dockerfile comment\nmake \\\n  all\nEOF',
  );
  assert.equal(run.style, 'script');
  assert.equal(run.shellText, 'set -e\n# not a Dockerfile comment\nmake \\\n  all\n');
  assert.equal(run.original, 'RUN --network=none <<EOF');
});

test('other commands get their here-documents from the shell, as they are in the file', () => {
  const run = parseOne('RUN', 'RUN python3 <<-A - <<B > /out\n\tprint(1)\n\tA\n2\nB');
  assert.equal(run.style, 'heredocs');
  assert.equal(run.shellText, 'python3 <<-A - <<B > /out\n\tprint(1)\nA\n2\nB');
});

test('<<- strips tabs, from the lines and before the terminator; << does not', () => {
  const run = parseOne('RUN', 'RUN <<-EOF\n\t\techo\n  spaces\n\tEOF');
  assert.equal(run.heredocs[0]?.body, 'echo\n  spaces\n');
  assert.equal(run.heredocs[0]?.raw, '\t\techo\n  spaces\n');
  assert.match(errorOf('FROM a\nRUN <<EOF\n\tEOF'), /<<EOF has no end/);
});

test('COPY and ADD have here-documents as files, several at once, also beside paths', () => {
  const copy = parseOne('COPY', 'COPY <<one.txt file <<"two.txt" /d/\n1 $a\none.txt\n2 $a\ntwo.txt');
  assert.deepEqual(copy.sources, ['file']);
  assert.deepEqual(
    copy.inlineFiles.map(({ name, content, expand }) => ({ name, content, expand })),
    [
      { name: 'one.txt', content: '1 $a\n', expand: true },
      { name: 'two.txt', content: '2 $a\n', expand: false },
    ],
  );
  assert.equal(parseOne('ADD', 'ADD <<E /d\nE').inlineFiles[0]?.content, '');
});

test('a here-document covers its lines, and its instruction all of it', () => {
  const text = 'FROM a\nRUN <<E\none\ntwo\nE\nUSER x';
  const [run] = parse(text).stages[0]!.instructions;
  assert.equal(cut(text, run!.range), 'RUN <<E\none\ntwo\nE');
  assert.equal(run?.kind === 'RUN' && cut(text, run.heredocs[0]!.range), 'one\ntwo\n');
});

test('only RUN, COPY and ADD in shell form have here-documents', () => {
  assert.equal(parseOne('RUN', 'RUN ["<<E"]').heredocs.length, 0);
  assert.equal(parseOne('USER', 'USER <<E').user, '<<E');
  assert.equal(parseOne('CMD', 'CMD cat <<E').kind, 'CMD');
});

test('quoted markers are none, and other angle brackets neither', () => {
  const names = (line: string) => findHeredocMarkers(line).map(({ name }) => name);
  assert.deepEqual(names(`RUN echo "<<A" '<<B' \\<<C <<D`), ['D']);
  assert.deepEqual(names('RUN cat <<<word; a < b; x=$((1<<2))'), []);
  assert.deepEqual(names('RUN cat << A <<-B'), ['A', 'B']);
  assert.deepEqual(names("RUN echo 'not closed <<E"), []);
});

test('a name is expanded by nothing; quotes around any part of it keep the content from expansion', () => {
  assert.deepEqual(asHeredocMarker('3<<-"E F"'), { name: 'E F', fd: 3, expand: false, stripTabs: true });
  assert.deepEqual(asHeredocMarker('<<$E'), { name: '$E', fd: 0, expand: true, stripTabs: false });
  assert.equal(asHeredocMarker("<<E'o'F")?.expand, false);
  assert.equal(asHeredocMarker("<<it\\'s")?.name, "it's");
  assert.equal(asHeredocMarker("<<it\\'s")?.expand, true);
  assert.equal(asHeredocMarker('<<"E'), undefined);
});

test('a here-document without end, or as a destination, is refused', () => {
  assert.match(errorOf('FROM a\nCOPY <<E /d\nE \n'), /^2:1 .*<<E has no end.*nothing but E/);
  assert.match(
    errorOf('FROM a\nCOPY a <<E\nE\n'),
    /^2:8 COPY cannot have a here-document as its destination/,
  );
});

test('ONBUILD keeps the here-documents of its trigger', () => {
  assert.equal(parseOne('ONBUILD', 'ONBUILD RUN <<E\na\nE').trigger, 'RUN <<E\na\nE');
});
