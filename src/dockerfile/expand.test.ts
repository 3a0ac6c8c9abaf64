// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the syntax under test
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expandHeredoc, expandWord, expandWords } from './expand.ts';

const env = new Map([
  ['HOME', '/root'],
  ['EMPTY', ''],
  ['FILE', 'archive.tar.gz'],
  ['PATH', '/usr/bin:/bin'],
  ['SPACED', ' a  b '],
  ['é', 'accent'],
]);
const expand = (word: string, options = {}) => expandWord(word, env, options).result;

/** Each word with what it becomes; an expression where it is refused. */
function check(cases: Record<string, string | RegExp>, options = {}): void {
  for (const [word, expected] of Object.entries(cases)) {
    if (typeof expected === 'string') assert.equal(expand(word, options), expected, word);
    else assert.throws(() => expand(word, options), { code: 'dockerfile', message: expected }, word);
  }
}

test('variables are replaced, unknown ones by nothing', () => {
  check({
    'a$HOME/b': 'a/root/b',
    '${HOME}x': '/rootx',
    $HOMEx: '',
    '$NONE-': '-',
    $é: 'accent',
    $: '$',
    'a$.b$': 'a$.b$',
    $1a: 'a',
    '$?$@!': '!',
    '${}': /variable name/,
    '${:-a}': /variable name/,
    '${HOME': /"}" is missing/,
    '${HOME:-a': /"}" is missing/,
    '${.}': /no modifier/,
  });
});

test('quotes and escapes are removed as a shell does', () => {
  check({
    '"a $HOME"': 'a /root',
    "'a $HOME'": 'a $HOME',
    'a\\$HOME': 'a$HOME',
    '"a\\$HOME \\" \\\\ \\n"': 'a$HOME " \\ \\n',
    "'a\\'": 'a\\',
    'a\\ b\\n': 'a bn',
    'a\\': 'a',
    '"it\'s"': "it's",
    '"a': /double quote/,
    "'a": /single quote/,
  });
});

test('defaults, alternatives and demands look at unset, with a colon at empty too', () => {
  check({
    '${NONE-d}${EMPTY-d}${HOME-d}': 'd/root',
    '${NONE:-d}${EMPTY:-d}${HOME:-d}': 'dd/root',
    '${NONE+a}${EMPTY+b}${HOME+c}': 'bc',
    '${NONE:+a}${EMPTY:+b}${HOME:+c}': 'c',
    '${HOME?}${EMPTY?}': '/root',
    '${NONE?set it to $HOME}': /NONE: set it to \/root/,
    '${NONE?}': /NONE: is not set/,
    '${EMPTY:?}': /EMPTY: is empty/,
    '${NONE:-${EMPTY:-$HOME}}': '/root',
    '${NONE:-"a }"b}': 'a }b',
    '${NONE:-\\}}': '}',
    '${HOME:=a}': /":=" is no modifier/,
    '${HOME=a}': /"=" is no modifier/,
  });
});

test('beginnings and endings are cut by pattern', () => {
  check({
    '${FILE#*.}': 'tar.gz',
    '${FILE##*.}': 'gz',
    '${FILE%.*}': 'archive.tar',
    '${FILE%%.*}': 'archive',
    '${FILE#?????}': 've.tar.gz',
    '${FILE%nothing}': 'archive.tar.gz',
    '${FILE#}': 'archive.tar.gz',
    '${NONE#a}': '',
    '${FILE%$NONE.gz}': 'archive.tar',
    '${FILE#\\*}': 'archive.tar.gz',
    '${FILE#\\a}': /escapes a/,
    '${FILE:#a}': /":#" is no modifier/,
  });
});

test('matches are replaced, the first or all', () => {
  check({
    '${PATH/bin/sbin}': '/usr/sbin:/bin',
    '${PATH//bin/sbin}': '/usr/sbin:/sbin',
    '${PATH//\\//_}': '_usr_bin:_bin',
    '${PATH/:*/}': '/usr/bin',
    '${PATH//b?n/}': '/usr/:/',
    '${FILE//./-}': 'archive-tar-gz',
    '${EMPTY//*/x}': 'x',
    '${FILE//a/$HOME}': '/rootrchive.t/rootr.gz',
    '${NONE/a/b}': '',
    '${FILE/a}': /"\/" is missing/,
  });
});

test('a pattern ends at a line end, and characters count whole', () => {
  const texts = new Map([
    ['LINES', 'a1\na2'],
    ['SHIPS', '🚀🚀b'],
  ]);
  assert.equal(expandWord('${LINES#*a}', texts).result, '1\na2');
  assert.equal(expandWord('${LINES##*a}', texts).result, '1\na2');
  assert.equal(expandWord('${SHIPS#?}', texts).result, '🚀b');
  assert.equal(expandWord('${SHIPS//?/x}', texts).result, 'xxx');
});

test('it tells which variables were used, and which there are not', () => {
  const { used, unmatched } = expandWord("$HOME ${EMPTY:-$A} ${B+$FILE} '$C'", env);
  assert.deepEqual([...used].sort(), ['EMPTY', 'FILE', 'HOME']);
  assert.deepEqual([...unmatched].sort(), ['A', 'B']);
});

test('words are split after expansion, at white space that is not quoted', () => {
  const cases: Record<string, string[]> = {
    ' a  b\tc ': ['a', 'b', 'c'],
    'x$SPACED y': ['x', 'a', 'b', 'y'],
    'x"$SPACED"y': ['x a  b y'],
    'a\\ b "c  d"': ['a b', 'c  d'],
    '$NONE "" \'\'': [],
    '80${NONE:-81}': ['8081'],
    '<<  EOF': ['<<  EOF'],
  };
  for (const [text, expected] of Object.entries(cases))
    assert.deepEqual(expandWords(text, env), expected, text);
});

test('the escape character can be a backquote', () => {
  check({ '`$HOME': '$HOME', 'C:\\a$EMPTY\\b': 'C:\\a\\b', '"`""': '"' }, { escape: '`' });
});

test('quotes, escapes and unknown variables can be kept', () => {
  check({ '"$HOME" \'a\'': '"/root" \'a\'' }, { rawQuotes: true });
  check({ 'a\\ b': 'a\\ b' }, { rawEscapes: true });
  check(
    { '$NONE ${NONE} ${NONE:-$HOME} ${NONE//a/b} $HOME': '$NONE ${NONE} ${NONE:-/root} ${NONE//a/b} /root' },
    { keepUnset: true },
  );
});

test('in a here-document quotes are ordinary', () => {
  assert.equal(expandHeredoc('"$HOME" it\'s \\$HOME\n', env).result, '"/root" it\'s $HOME\n');
});

test('nesting has a limit, and an error instead of a stack overflow', () => {
  assert.throws(() => expand('${A:-'.repeat(100_000)), { code: 'dockerfile', message: /nested too deeply/ });
});
