import type { FileOp } from '../llb/ops.ts';
import type { LayerId, LayerStore, RootFs } from '../snapshot/types.ts';
import type { LayerDigests } from '../source/layers.ts';
import type { DigestedTree } from '../source/types.ts';
import type { Digest } from '../util/digest.ts';

/** An input of a file operation when it runs: a stacked root file system, or a build context (only to copy from). */
export type FileOpInput = { readonly rootFs: RootFs } | { readonly tree: DigestedTree };

/** An input of a file operation when its key is computed. */
export interface FileOpKeyInput {
  /** The key of the input's result. It stands for an input that an action builds on; that one's files are not read. */
  readonly key: string;
  /** The input's files; asked for only if some action copies from it or looks up a user in it. */
  tree(): DigestedTree | Promise<DigestedTree>;
}

/** What the file operations of one build share. */
export interface FileOpServices {
  readonly layers: LayerStore;
  readonly digests: LayerDigests;
  /** Set for a result that will be written to: its files are never those of other layers. */
  readonly unshared?: boolean;
  /** Stops the work between two files. */
  readonly signal?: AbortSignal;
}

export interface FileOpResult {
  /** For each output of the operation its root file system: the base's layers and one or more new ones, committed. */
  readonly outputs: readonly RootFs[];
  /** False when a context file changed while it was copied, so that the content key does not describe the result. */
  readonly cacheable: boolean;
}

export interface ContentKeyOptions {
  /** Stops the work between two files. */
  readonly signal?: AbortSignal;
  /** Told of the patterns where none of the operation's copies finds anything, though each may go without. */
  readonly onNoMatch?: (patterns: readonly string[]) => void;
}

/**
 * The key of a file operation by content: the operation, the keys of the inputs that it builds on, and digests of just
 * the files that it reads from the others. Equal keys give equal results, file times aside.
 * @throws StagecraftError `not-found` when a path to copy is missing or a pattern matches nothing
 */
export type ContentKeyOfFileOp = (
  op: FileOp,
  inputs: readonly FileOpKeyInput[],
  options?: ContentKeyOptions,
) => Promise<Digest>;

/**
 * Runs the actions of a file operation. `previous` names layers that the last run of the operation at the same place
 * made: unchanged files are linked from them.
 * @throws StagecraftError `not-found`, `confined` or `io`
 */
export type ExecuteFileOp = (
  op: FileOp,
  inputs: readonly FileOpInput[],
  services: FileOpServices,
  previous?: readonly LayerId[],
) => Promise<FileOpResult>;
