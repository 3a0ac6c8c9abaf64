import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { LocalTree } from '../source/local.ts';
import { textFromBytes } from '../util/bytes.ts';
import { expandWildcards, hasWildcards } from './wildcards.ts';

const dir = mkdtempSync(join(tmpdir(), 'stagecraft-wildcards-'));
for (const path of [
  'a/x.txt',
  'a/y.md',
  'ab/x.txt',
  'b/sub/x.txt',
  'größe.txt',
  'we[ird',
  'st*r',
  '.hidden',
]) {
  mkdirSync(join(dir, path, '..'), { recursive: true });
  writeFileSync(join(dir, path), '');
}
symlinkSync('a', join(dir, 'link'));
const tree = new LocalTree(dir);
after(() => {
  tree.close();
  rmSync(dir, { recursive: true });
});

function expand(pattern: string, follow = true): string[] | undefined {
  return expandWildcards(tree, pattern, follow)?.map(textFromBytes);
}

test('only unescaped *, ? and [ make a pattern', () => {
  assert.deepEqual(['/a/b', '/a*', '/a?b', '/[a]', '/a\\*', '/\\[a', '/a\\\\*'].map(hasWildcards), [
    false,
    true,
    true,
    true,
    false,
    false,
    true,
  ]);
});

test('patterns match as Go’s filepath.Match does, part by part', () => {
  assert.deepEqual(expand('/a*'), ['/a', '/ab']);
  assert.deepEqual(expand('/*/x.txt'), ['/a/x.txt', '/ab/x.txt']);
  assert.deepEqual(expand('/a/*.txt'), ['/a/x.txt']);
  assert.deepEqual(expand('/a?'), ['/ab']);
  assert.deepEqual(expand('/[a-b]'), ['/a', '/b']);
  assert.deepEqual(expand('/[^a]'), ['/b']);
  assert.deepEqual(expand('/gr??e.txt'), ['/größe.txt']);
  assert.deepEqual(expand('/*\\[*'), ['/we[ird']);
  assert.deepEqual(expand('/s*\\*?'), ['/st*r']);
  assert.deepEqual(expand('/.h*'), ['/.hidden']);
  assert.ok(expand('/*')!.includes('/.hidden'));
  assert.deepEqual(expand('/z*'), []);
});

test('a malformed pattern matches nothing', () => {
  for (const pattern of ['/[', '/[]a]', '/[a', '/[-a]', '/*\\', '/[b-a]'])
    assert.deepEqual(expand(pattern), [], pattern);
});

test('symlinks are followed before the first wildcard only', () => {
  assert.deepEqual(expand('/link/*.txt'), ['/a/x.txt']);
  assert.deepEqual(expand('/lin*/*.txt'), []);
  assert.deepEqual(expand('/lin*'), ['/link']);
});

test('a directory to look in that is missing is told apart from no match', () => {
  assert.equal(expand('/missing/*'), undefined);
  assert.deepEqual(expand('/größe.txt/*'), []);
});
