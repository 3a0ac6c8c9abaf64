import type { Digest } from '../../util/digest.ts';

/** What BuildKit's solver asks of an operation to find its results (`CacheMap`). */
export interface Description {
  /** Covers what the operation does, and nothing of what it stands on. */
  readonly digest: Digest;
  /** For each input of the vertex, in its order. */
  readonly inputs: readonly InputUse[];
}

/** How an operation uses an input. */
export interface InputUse {
  /** Which part of the input it names; empty where it is the whole. */
  readonly selector: Digest | '';
  /** The files that it reads, where it can be known by these: see `content.ts`. No selectors: all files. */
  readonly content?: readonly Selector[];
}

/** Files of a tree. */
export interface Selector {
  readonly path: string;
  /** A symlink at the end of the path is followed. */
  readonly followLinks?: boolean;
  /** The path is a pattern in the manner of Go's `path.Match`. */
  readonly wildcard?: boolean;
  readonly includePatterns?: readonly string[];
  readonly excludePatterns?: readonly string[];
}
