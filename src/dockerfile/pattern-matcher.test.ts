import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesFromText } from '../util/bytes.ts';
import { fc } from '../util/property.ts';
import { type PathMatch, PatternMatcher } from './pattern-matcher.ts';

/** Checks one pattern against paths that match and paths that do not. */
function check(pattern: string, matching: string[], others: string[]): void {
  const matcher = new PatternMatcher([pattern]);
  for (const path of matching) assert.equal(matcher.matches(path), true, `${pattern} should match ${path}`);
  for (const path of others)
    assert.equal(matcher.matches(path), false, `${pattern} should not match ${path}`);
}

/** The answer of a walk from the root to the path. */
function walk(matcher: PatternMatcher, path: string): PathMatch {
  const parts = path.split('/');
  let match: PathMatch | undefined;
  for (let i = 1; i <= parts.length; i++) match = matcher.match(parts.slice(0, i).join('/'), match);
  return match!;
}

test('a pattern matches a path, and everything below it', () => {
  check('a/b', ['a/b', 'a/b/c/d'], ['a', 'b', 'x/a/b', 'a/bc']);
  check('./a//b/../b/', ['a/b'], []);
});

test('* and ? stay within a path element', () => {
  check('*.md', ['a.md', '.md', 'a.md/b'], ['a/b.md', 'a.mdx']);
  check('a/*/c?', ['a/b/cd', 'a/.b/c1/x'], ['a/c1', 'a/b/b/cd', 'a/b/c']);
  check('a*c*e', ['ace', 'abcde', 'abbcddcee'], ['ab', 'abcd', 'ab/ce']);
  check('a*a', ['aa', 'aba'], ['a']);
});

test('** matches any number of directories, also none', () => {
  check('**/b', ['b', 'a/b', 'x/y/b/c'], ['ab', 'a/bc']);
  check('a/**/b', ['a/b', 'a/x/b', 'a/x/y/b'], ['b', 'a/xb', 'x/a/b']);
  check('a/**', ['a/b', 'a/b/c'], ['a', 'b']);
  check('**', ['a', 'a/b'], []);
  check('**/*.log', ['x.log', 'a/b/x.log'], ['a/x.logs']);
  check('**/a/*.txt', ['a/x.txt', 'b/a/x.txt'], ['a/b/x.txt', 'ba/x.txt']);
});

test('classes and escapes', () => {
  check('[a-c][^x].?', ['ab.c', 'cz.1'], ['ax.c', 'db.c', 'ab.']);
  check('\\*\\[a', ['*[a'], ['b[a']);
  check('a+(b).c|$', ['a+(b).c|$'], ['aab.c']);
});

test('a pattern that is not complete is refused', () => {
  for (const pattern of ['[a', 'a[', '[]', '[]a]', '[-a]', '[a-]', 'a\\', '[\\', '!'])
    assert.throws(() => new PatternMatcher([pattern]), { code: 'dockerfile' }, pattern);
});

test('the last pattern that matches decides', () => {
  const matcher = new PatternMatcher(['*.md', '!README.md', 'docs', '!docs/keep', 'docs/keep/not']);
  const left = ['README.md', 'docs/keep', 'docs/keep/a', 'src/a.md'];
  const gone = ['a.md', 'docs', 'docs/a', 'docs/keep/not', 'docs/keep/not/a'];
  for (const path of left) assert.equal(matcher.matches(path), false, path);
  for (const path of gone) assert.equal(matcher.matches(path), true, path);
});

test('an exception for a directory holds for what is in it, in any depth', () => {
  const matcher = new PatternMatcher(['*', '!**/keep', '**/keep/not']);
  for (const path of ['keep', 'keep/a', 'x/keep', 'x/keep/a/b'])
    assert.equal(walk(matcher, path).matched, false, path);
  for (const path of ['x', 'x/a', 'keep/not', 'x/keep/not/a'])
    assert.equal(walk(matcher, path).matched, true, path);
  assert.equal(matcher.mayDifferBelow(walk(matcher, 'x')), true);
});

test('white space around patterns and empty patterns count for nothing', () => {
  assert.equal(new PatternMatcher(['  a  ', '', ' ']).matches('a'), true);
  assert.equal(new PatternMatcher(['', ' ']).isEmpty, true);
});

test('paths may be byte strings; a character is then still a character', () => {
  for (const [pattern, path] of [
    ['é', 'é'],
    ['caf?', 'café'],
    ['[é]*', 'éa'],
    ['**/ü*.md', 'x/üb.md'],
    ['ü/**/?', 'ü/a/é'],
  ] as const) {
    assert.equal(new PatternMatcher([pattern]).matches(path), true, pattern);
    assert.equal(new PatternMatcher([pattern], { bytes: true }).matches(bytesFromText(path)), true, pattern);
  }
  assert.equal(new PatternMatcher(['a*'], { bytes: true }).matches('a\xff'), true);
});

test('a walk learns where nothing below a directory can be different', () => {
  const matcher = new PatternMatcher(['node_modules', 'docs', '!docs/*.md', 'src/*/test', '**/*.log']);
  const differs = (path: string) => matcher.mayDifferBelow(walk(matcher, path));
  assert.equal(differs('node_modules'), false);
  assert.equal(differs('docs'), true);
  assert.equal(differs('docs/a'), false);
  assert.equal(differs('src'), true);
  const plain = new PatternMatcher(['src/*/test', 'a/b/c', '*.md']);
  assert.equal(plain.mayDifferBelow(walk(plain, 'src/x')), true);
  assert.equal(plain.mayDifferBelow(walk(plain, 'src/x/y')), false);
  assert.equal(plain.mayDifferBelow(walk(plain, 'a/b')), true);
  assert.equal(plain.mayDifferBelow(walk(plain, 'a/c')), false);
  assert.equal(plain.mayDifferBelow(walk(plain, 'other')), false);
});

const name = fc.constantFrom('a', 'b', 'ab', 'é', 'a.b');
const path = fc.array(name, { minLength: 1, maxLength: 5 }).map(names => names.join('/'));
const piece = fc.constantFrom('a', 'b', '*', '**', '?', 'a*', '*b', '**b', '[ab]', '[^a]', 'é');
const pattern = fc
  .tuple(fc.boolean(), fc.array(piece, { minLength: 1, maxLength: 4 }))
  .map(([negated, pieces]) => (negated ? '!' : '') + pieces.join('/'));

/** The documented meaning of one pattern, by way of a regular expression. */
function expressionOf(text: string): RegExp {
  const source = text.replace(/\*\*\/?$|\*\*\/?|\*|\?/g, match => {
    if (match === '*') return '[^/]*';
    return match === '?' ? '[^/]' : match;
  });
  const parts = source.split(/(\*\*\/?)/);
  return new RegExp(
    `^${parts.map((part, i) => (part.startsWith('**') ? (i === parts.length - 2 && parts.at(-1) === '' ? '.*' : '(.*/)?') : part)).join('')}$`,
    'u',
  );
}

test('one pattern means what its regular expression means', () => {
  fc.assert(
    fc.property(
      fc.array(
        piece.filter(each => each !== '**b'),
        { minLength: 1, maxLength: 4 },
      ),
      path,
      (pieces, where) => {
        const text = pieces.join('/');
        const expression = expressionOf(text);
        const parts = where.split('/');
        const expected = parts.some((_, i) => expression.test(parts.slice(0, i + 1).join('/')));
        assert.equal(new PatternMatcher([text]).matches(where), expected, `${text} on ${where}`);
      },
    ),
    { numRuns: 2000 },
  );
});

test('where a walk is told that nothing differs below, nothing does; bytes and text agree', () => {
  fc.assert(
    fc.property(fc.array(pattern, { maxLength: 4 }), path, (patterns, where) => {
      const matcher = new PatternMatcher(patterns);
      const bytes = new PatternMatcher(patterns, { bytes: true });
      const parts = where.split('/');
      let match: PathMatch | undefined;
      let settled: boolean | undefined;
      for (let i = 1; i <= parts.length; i++) {
        match = matcher.match(parts.slice(0, i).join('/'), match);
        if (settled !== undefined) assert.equal(match.matched, settled);
        else if (!matcher.mayDifferBelow(match)) settled = match.matched;
      }
      assert.equal(walk(bytes, bytesFromText(where)).matched, match!.matched);
    }),
    { numRuns: 2000 },
  );
});

test('no pattern makes matching slow', () => {
  const matcher = new PatternMatcher(['**/*a'.repeat(100), `${'*a'.repeat(300)}b`, '**/'.repeat(300)]);
  assert.equal(matcher.matches(`${'a'.repeat(1500)}/${'a'.repeat(1500)}c`), true);
});
