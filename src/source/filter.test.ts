import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fc } from '../util/property.ts';
import { LocalTree } from './local.ts';

const dir = mkdtempSync(join(tmpdir(), 'stagecraft-filter-'));
after(() => rmSync(dir, { recursive: true }));

/** Whether the patterns, the later ones winning, match a path or a directory above it. */
function matches(path: string, patterns: readonly string[]): boolean {
  let matched = false;
  for (const pattern of patterns) {
    const isException = pattern.startsWith('!');
    const source = pattern
      .replace(/^!/, '')
      .replaceAll('**/', '\u0001')
      .replaceAll('**', '\u0002')
      .replaceAll('*', '[^/]*')
      .replaceAll('\u0001', '(.*/)?')
      .replaceAll('\u0002', '.*');
    const expression = new RegExp(`^${source}$`);
    const parts = path.split('/');
    if (parts.some((_, i) => expression.test(parts.slice(0, i + 1).join('/')))) matched = !isException;
  }
  return matched;
}

function shown(tree: LocalTree, path = '/'): string[] {
  return tree.list(path).flatMap(name => {
    const child = path === '/' ? `/${name}` : `${path}/${name}`;
    return tree.lstat(child)!.type === 'directory' ? shown(tree, child) : [child.slice(1)];
  });
}

const part = fc.constantFrom('a', 'b', 'c');
const file = fc.array(part, { minLength: 1, maxLength: 3 }).map(parts => `${parts.join('/')}.f`);
const patternPart = fc.constantFrom('a', 'b', '*', '**', '*.f', 'a.f', 'c.f', 'a*');
const pattern = fc.array(patternPart, { minLength: 1, maxLength: 3 }).map(parts => parts.join('/'));
/**
 * Exceptions for files, after all exclusions: with others BuildKit's matcher, which goes by what a directory matched
 * when it was met, differs from the plain reading of its documentation.
 */
const exception = fc
  .tuple(fc.array(patternPart, { maxLength: 2 }), fc.constantFrom('*.f', 'a.f', 'c.f'))
  .map(([parts, last]) => `!${[...parts, last].join('/')}`);

test('a context shows just the files that its patterns leave, whatever is asked first', () => {
  let count = 0;
  fc.assert(
    fc.property(
      fc.uniqueArray(file, { minLength: 1, maxLength: 12 }),
      fc.array(pattern, { maxLength: 3 }),
      fc.array(exception, { maxLength: 2 }),
      fc.array(pattern, { maxLength: 2 }),
      (files, exclusions, exceptions, includePatterns) => {
        const excludePatterns = [...exclusions, ...exceptions];
        const root = join(dir, String(count++));
        for (const each of files) {
          mkdirSync(dirname(join(root, each)), { recursive: true });
          writeFileSync(join(root, each), '');
        }
        const expected = files
          .filter(each => !matches(each, excludePatterns))
          .filter(each => includePatterns.length === 0 || matches(each, includePatterns))
          .sort();
        const walked = new LocalTree(root, { excludePatterns, includePatterns });
        assert.deepEqual(shown(walked).sort(), expected);
        walked.close();
        const asked = new LocalTree(root, { excludePatterns, includePatterns });
        assert.deepEqual(files.filter(each => asked.lstat(`/${each}`) !== undefined).sort(), expected);
        asked.close();
      },
    ),
    { numRuns: 150 },
  );
});
