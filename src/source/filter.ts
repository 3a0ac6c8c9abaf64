import { type PathMatch, PatternMatcher } from '../dockerfile/pattern-matcher.ts';
import type { ByteString } from '../util/bytes.ts';

/** What a directory's path matched, for what lies in it. Empty for the root. */
export interface FilterState {
  readonly include?: PathMatch | undefined;
  readonly exclude?: PathMatch | undefined;
}

export interface FilterResult {
  /** The path itself is let through. */
  readonly matched: boolean;
  /** If the path is a directory that is not: something below it may be. */
  readonly maybeBelow: boolean;
}

/** Lets paths through that match an include pattern, if there are any, and no exclude pattern that no exception undoes. */
export class PathFilter {
  readonly #include: PatternMatcher | undefined;
  readonly #exclude: PatternMatcher | undefined;

  constructor(includePatterns: readonly string[], excludePatterns: readonly string[]) {
    if (includePatterns.length > 0) this.#include = new PatternMatcher(includePatterns, { bytes: true });
    if (excludePatterns.length > 0) this.#exclude = new PatternMatcher(excludePatterns, { bytes: true });
  }

  /** `path` starts with `/`; `state` is that of the directory it lies in. */
  test(path: ByteString, state: FilterState): FilterResult {
    const { include, exclude } = this.enter(path, state);
    const isIncluded = include?.matched ?? true;
    const isExcluded = exclude?.matched ?? false;
    return {
      matched: isIncluded && !isExcluded,
      maybeBelow:
        (isIncluded || (this.#include?.mayDifferBelow(include!) ?? false)) &&
        (!isExcluded || (this.#exclude?.mayDifferBelow(exclude!) ?? false)),
    };
  }

  /** The state for what lies in a directory. */
  enter(path: ByteString, state: FilterState): FilterState {
    const relative = path.slice(1);
    return {
      include: this.#include?.match(relative, state.include),
      exclude: this.#exclude?.match(relative, state.exclude),
    };
  }
}
