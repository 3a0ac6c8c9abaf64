import { posix } from 'node:path';
import { fail } from './fail.ts';
import { PathPattern } from './path-pattern.ts';
import { trimSpace } from './spaces.ts';

interface Rule {
  readonly pattern: PathPattern;
  /** True for `!pattern`, which takes back what patterns before it matched. */
  readonly negated: boolean;
}

/** What a matcher found about a path; hand a directory's to the questions about what is in it. */
export interface PathMatch {
  readonly matched: boolean;
}

/**
 * A list of patterns, the last that matches deciding, as `.dockerignore` and include lists have them. A pattern that
 * matches a directory matches everything below it.
 *
 * In a walk, pass each path its directory's match: then only those patterns are looked at that can match there.
 */
export class PatternMatcher {
  readonly #rules: readonly Rule[];
  readonly #nothing: Match;

  /**
   * @param patterns as text, even where paths are bytes; white space around them and empty ones count for nothing
   * @param options `bytes`: the paths to match are byte strings, see util/bytes.ts
   * @throws StagecraftError `dockerfile`, without a range: a pattern is not complete
   */
  constructor(patterns: readonly string[], options: { bytes?: boolean } = {}) {
    this.#rules = patterns.flatMap(pattern => parseRule(pattern, options.bytes ?? false));
    this.#nothing = new Match('', false, [], []);
  }

  /** True if there are no patterns: nothing matches. */
  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /**
   * Matches a path relative to the root, such as `a/b`.
   *
   * With the match of the directory it is in, the answer is that of a walk through the tree, which is what decides in
   * a build. Without, all directories above are asked too; the two differ only where a pattern follows a negated one
   * and says again what an earlier one said.
   */
  match(path: string, directory?: PathMatch): PathMatch {
    const rules = directory instanceof Match ? directory.below() : undefined;
    if (rules?.length === 0) return this.#nothing;
    let matched = false;
    const hits: Rule[] = [];
    const candidates = rules ?? this.#rules.map(rule => ({ rule, hit: false }));
    for (const { rule, hit } of candidates) {
      // What would not change the answer need not be tried.
      if (!hit && (rule.negated !== matched || !test(rule, path, rules === undefined))) continue;
      hits.push(rule);
      matched = !rule.negated;
    }
    return new Match(
      path,
      matched,
      hits,
      candidates.map(({ rule }) => rule),
    );
  }

  /** True if the path, or a directory above it, matches. */
  matches(path: string): boolean {
    return this.match(path).matched;
  }

  /**
   * True if something below a directory may have another answer than the directory itself. Where it is false, a walk
   * can skip an unmatched directory, or take a matched one whole, without asking further.
   */
  mayDifferBelow(directory: PathMatch): boolean {
    return directory instanceof Match && directory.mayDifferBelow();
  }
}

class Match implements PathMatch {
  readonly matched: boolean;
  readonly #path: string;
  readonly #hits: readonly Rule[];
  readonly #candidates: readonly Rule[];
  #below: readonly { rule: Rule; hit: boolean }[] | undefined;

  constructor(path: string, matched: boolean, hits: readonly Rule[], candidates: readonly Rule[]) {
    this.matched = matched;
    this.#path = path;
    this.#hits = hits;
    this.#candidates = candidates;
  }

  /** Rules, in order, that matched this directory, and with it all below, or that may match something below. */
  below(): readonly { rule: Rule; hit: boolean }[] {
    this.#below ??= this.#candidates.flatMap(rule => {
      const hit = this.#hits.includes(rule);
      return hit || rule.pattern.mayMatchBelow(this.#path) ? { rule, hit } : [];
    });
    return this.#below;
  }

  mayDifferBelow(): boolean {
    const rules = this.below();
    // The last rule that holds for everything below gives the answer, unless a later one takes it back somewhere.
    const last = rules.findLastIndex(({ rule, hit }) => hit && rule.negated !== this.matched);
    return rules.some(({ rule }, index) => index > last && rule.negated === this.matched);
  }
}

function test({ pattern }: Rule, path: string, withParents: boolean): boolean {
  if (pattern.matches(path)) return true;
  if (!withParents) return false;
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
    if (pattern.matches(path.slice(0, slash))) return true;
  }
  return false;
}

function parseRule(line: string, isBytes: boolean): Rule | [] {
  const trimmed = trimSpace(line);
  if (trimmed === '') return [];
  const cleaned = cleanPath(trimmed);
  if (cleaned === '!') fail('The pattern "!" takes back nothing.', undefined, 'Name a path after it.');
  const negated = cleaned.startsWith('!');
  return { negated, pattern: new PathPattern(negated ? cleaned.slice(1) : cleaned, isBytes) };
}

/** The shortest path that means the same, without a slash at the end. */
export function cleanPath(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}
