import type { FileTree } from '../snapshot/types.ts';
import { type ByteString, bytesFromText, textFromBytes } from '../util/bytes.ts';

/** Whether a path is a pattern: holds `*`, `?` or `[` that no backslash takes the meaning from. */
export function hasWildcards(path: string): boolean {
  return /^(?:[^\\]|\\.)*?[*?[]/su.test(path);
}

/**
 * The paths that a pattern in the manner of Go's `filepath.Match` matches, in byte order of a walk; what lies below a
 * matching directory is not looked at. Symlinks are followed in the parts before the first wildcard and, where `follow`
 * is not set, not in the last of these. Nothing if the directory to look in is missing.
 */
export function expandWildcards(tree: FileTree, pattern: string, follow: boolean): ByteString[] | undefined {
  const parts = pattern.split('/').filter(part => part !== '');
  const first = parts.findIndex(hasWildcards);
  const fixed = bytesFromText(`/${parts.slice(0, first).join('/')}`);
  const base = follow ? tree.resolve(fixed) : resolveParents(tree, fixed);
  const matchers = parts.slice(first).map(compilePart);
  if (matchers.some(matcher => matcher === undefined)) return [];
  const entry = tree.lstat(base);
  if (entry === undefined) return undefined;
  const found: ByteString[] = [];
  if (entry.type === 'directory') collect(tree, base, matchers as RegExp[], found);
  return found;
}

function collect(tree: FileTree, directory: ByteString, matchers: RegExp[], found: ByteString[]): void {
  const [matcher, ...rest] = matchers;
  for (const name of tree.list(directory)) {
    if (!matcher!.test(textFromBytes(name))) continue;
    const path = directory === '/' ? `/${name}` : `${directory}/${name}`;
    if (rest.length === 0) found.push(path);
    else if (tree.lstat(path)?.type === 'directory') collect(tree, path, rest, found);
  }
}

/** The path with the symlinks of its parents resolved, its last part as it is. */
export function resolveParents(tree: FileTree, path: ByteString): ByteString {
  const slash = path.lastIndexOf('/');
  if (path === '/') return path;
  const parent = tree.resolve(slash === 0 ? '/' : path.slice(0, slash));
  return parent === '/' ? path.slice(slash) : parent + path.slice(slash);
}

/** One part of a pattern as a regular expression; nothing if it is malformed, which matches nothing. */
function compilePart(part: string): RegExp | undefined {
  let source = '';
  const characters = [...part];
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i]!;
    if (character === '*') source += '.*';
    else if (character === '?') source += '.';
    else if (character === '[') {
      const end = compileClass(characters, i);
      if (end === undefined) return undefined;
      source += end.source;
      i = end.last;
    } else if (character === '\\') {
      if (++i === characters.length) return undefined;
      source += escaped(characters[i]!);
    } else source += escaped(character);
  }
  return new RegExp(`^${source}$`, 'su');
}

/** `[abc]`, `[a-z]`, `[^a]`: at least one range, `\` takes meaning away. */
function compileClass(
  characters: readonly string[],
  start: number,
): { source: string; last: number } | undefined {
  let i = start + 1;
  const negated = characters[i] === '^';
  if (negated) i++;
  const ranges: string[] = [];
  const one = (): string | undefined => {
    let character = characters[i++];
    if (character === '-' || character === ']') return undefined;
    if (character === '\\') character = characters[i++];
    return character;
  };
  while (characters[i] !== ']' || ranges.length === 0) {
    const low = one();
    if (low === undefined) return undefined;
    let high: string | undefined = low;
    if (characters[i] === '-') {
      i++;
      high = one();
    }
    if (high === undefined) return undefined;
    // A range upside down is well-formed and matches nothing.
    if (low.codePointAt(0)! <= high.codePointAt(0)!) ranges.push(`${escaped(low)}-${escaped(high)}`);
    else ranges.push('');
    if (i >= characters.length) return undefined;
  }
  return { source: `[${negated ? '^' : ''}${ranges.join('')}]`, last: i };
}

function escaped(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}
