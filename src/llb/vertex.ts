import type { OpMetadata } from './definition.ts';
import type { Operation, OpPlatform } from './ops.ts';

/**
 * One operation of a graph that is being made. Immutable, and free of digests: what it depends on is held as objects,
 * and becomes indexes and digests only in {@link marshal}, because equal inputs of one operation share an index.
 */
export interface Vertex {
  /** Everything that it reads, for walking the graph. */
  readonly inputs: readonly Output[];
  /** The operation, with the indexes that `table` gives to its inputs. */
  readonly build: (table: InputTable) => Operation;
  /** Only of operations whose result depends on the platform. */
  readonly platform?: OpPlatform | undefined;
  readonly metadata: OpMetadata;
}

/**
 * A file system made by a vertex: one of its results. An output that is not known yet, such as a context of which
 * only the paths that are used shall be sent, is a function that is called when the graph is marshalled.
 */
export type Output = ResolvedOutput | { readonly resolve: () => ResolvedOutput };

export interface ResolvedOutput {
  readonly vertex: Vertex;
  readonly index: number;
}

/** A tree: an output, or nothing for the empty file system. */
export type Tree = Output | undefined;

/** Gives indexes to the inputs of one operation, in the order in which it asks; -1 to the empty file system. */
export interface InputTable {
  /** Equal trees get the same index. */
  index(tree: Tree): number;
  /** An index of its own each time. */
  add(tree: Tree): number;
  /** How many inputs there are so far. */
  readonly size: number;
}

/** What all makers of vertexes take. */
export interface VertexOptions extends OpMetadata {
  /** Normalised: see {@link normalizePlatform}. */
  platform?: OpPlatform | undefined;
}

export function resolveOutput(output: Output): ResolvedOutput {
  return 'resolve' in output ? output.resolve() : output;
}

/** The trees that are not empty. */
export function outputsOf(...trees: Tree[]): Output[] {
  return trees.filter(tree => tree !== undefined);
}

/** The metadata of a vertex with these options that uses these features. */
export function metadataOf(options: VertexOptions, caps: Iterable<string>): OpMetadata {
  const { platform: _, ...metadata } = options;
  return { ...metadata, caps: [...new Set([...(metadata.caps ?? []), ...caps])].sort() };
}

/** An output that is made, once, when it is first needed. */
export function deferred(make: () => ResolvedOutput): Output {
  let made: ResolvedOutput | undefined;
  return {
    resolve: () => {
      made ??= make();
      return made;
    },
  };
}
