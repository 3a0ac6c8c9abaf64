import { type PathMatch, PatternMatcher } from '../../dockerfile/pattern-matcher.ts';
import { expandWildcards } from '../../fileop/wildcards.ts';
import type { Entry } from '../../snapshot/types.ts';
import type { DigestedTree } from '../../source/types.ts';
import { type ByteString, textFromBytes } from '../../util/bytes.ts';

/** What a selector with patterns asks for. */
export interface Selection {
  /** Clean, from the root. */
  readonly path: ByteString;
  readonly wildcard: boolean;
  readonly includePatterns: readonly string[];
  readonly excludePatterns: readonly string[];
}

/** An entry that is selected; of a directory only itself. */
export interface SelectedEntry {
  /** As the selector spells it, though the path to it may lead through symlinks. */
  readonly name: ByteString;
  readonly path: ByteString;
  readonly entry: Entry;
  /** Nothing above it was looked at. */
  readonly isTop: boolean;
}

/**
 * The entries that patterns select, in the order of BuildKit's radix tree: directories before what is in them. Those
 * above a selected entry are selected too.
 * @returns with the part of the names that is the same for all
 */
export function selectEntries(
  tree: DigestedTree,
  { path, wildcard, includePatterns, excludePatterns }: Selection,
): { prefix: ByteString; entries: SelectedEntry[] } {
  const walk = new Walk(tree, includePatterns, excludePatterns);
  if (!wildcard) {
    const slash = path.lastIndexOf('/');
    const parent = tree.resolve(path.slice(0, slash) || '/');
    const place = path === '/' ? path : join(parent, path.slice(slash + 1));
    const prefix = path === '/' ? '' : path;
    if (path === '/') walk.children('', place, '', []);
    else walk.visit(prefix, place, '', []);
    return { prefix, entries: walk.entries };
  }
  const parts = path.split('/').slice(1);
  const fixed = parts.slice(
    0,
    parts.findIndex(part => /^(?:[^\\]|\\.)*?[*?[]/su.test(part)),
  );
  const prefix = fixed.map(part => `/${part}`).join('');
  const base = tree.resolve(prefix || '/');
  for (const place of expandWildcards(tree, textFromBytes(path), true) ?? [])
    walk.visit(prefix + place.slice(base === '/' ? 0 : base.length), place, '', []);
  return { prefix, entries: walk.entries };
}

/** A directory on the way down. */
interface Level extends SelectedEntry {
  isIncluded: boolean;
  readonly include?: PathMatch | undefined;
  readonly exclude?: PathMatch | undefined;
}

class Walk {
  readonly entries: SelectedEntry[] = [];
  readonly #tree: DigestedTree;
  readonly #include: PatternMatcher | undefined;
  readonly #exclude: PatternMatcher | undefined;

  constructor(tree: DigestedTree, include: readonly string[], exclude: readonly string[]) {
    this.#tree = tree;
    if (include.length > 0) this.#include = new PatternMatcher(include, { bytes: true });
    if (exclude.length > 0) this.#exclude = new PatternMatcher(exclude, { bytes: true });
  }

  /** @param candidate what patterns are held against */
  visit(name: ByteString, path: ByteString, candidate: ByteString, above: readonly Level[]): void {
    const entry = this.#tree.lstat(path);
    if (entry === undefined) return;
    const directory = above.at(-1);
    const include = this.#include?.match(candidate, directory?.include);
    const isWanted = include?.matched ?? true;
    const exclude = isWanted ? this.#exclude?.match(candidate, directory?.exclude) : undefined;
    const isTop = directory === undefined;
    // What patterns say of the start itself says nothing of what is below.
    const passedOn = candidate === '' ? {} : { include, exclude };
    const level: Level = { name, path, entry, isTop, isIncluded: false, ...passedOn };
    if (isWanted && !(exclude?.matched ?? false))
      for (const each of [...above, level]) {
        if (each.isIncluded) continue;
        each.isIncluded = true;
        this.entries.push(each);
      }
    if (entry.type === 'directory') this.children(name, path, candidate, [...above, level]);
  }

  children(name: ByteString, path: ByteString, candidate: ByteString, above: readonly Level[]): void {
    const prefix = candidate === '' ? '' : `${candidate}/`;
    for (const each of this.#tree.list(path))
      this.visit(`${name}/${each}`, join(path, each), prefix + each, above);
  }
}

function join(directory: ByteString, name: ByteString): ByteString {
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}
