import type { ProgressSink } from '../progress/types.ts';
import type { StorageLimits } from '../store/selection.ts';
import type { Store } from '../store/store.ts';
import { StagecraftError } from '../util/errors.ts';
import { requireNamespace } from './namespace.ts';
import { Task, taskDigest } from './task.ts';

const title = '[internal] keep the store within its limits';

/**
 * Makes sure of what {@link keepWithin} needs later. Only within a namespace an ordinary user may look into layers.
 * @throws NamespaceRequired
 */
export function prepareToCollect(limits: StorageLimits | undefined): void {
  if (limits !== undefined) requireNamespace();
}

/** What asks for automatic collection where no progress is shown. */
export interface CollectOptions {
  /** How large the store may be then. No limit unless given. */
  readonly storageLimits?: StorageLimits | undefined;
  /** Told why the store was not made smaller, where it could not be. */
  readonly onProblem?: ((problem: StagecraftError) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Automatic collection, once something is done that may have added to the store, and its lease is released. That it
 * cannot be done is a warning: what was asked for is done, or has an error of its own to tell.
 */
export async function keepWithin(
  store: Store,
  limits: StorageLimits | undefined,
  { progress, signal }: { progress: ProgressSink; signal: AbortSignal },
): Promise<void> {
  const problem = await collectWithin(store, limits, signal);
  if (problem === undefined) return;
  const [short, detail] = [problem.message, problem.hint ?? ''].map(text =>
    Buffer.from(text).toString('base64'),
  );
  await Task.run(progress, title, () =>
    progress({ warnings: [{ vertex: taskDigest(title), level: 1, short: short!, detail: [detail!] }] }),
  );
}

/** As {@link keepWithin}, for who has no progress to tell it by. */
export async function collectOrTell(
  store: Store,
  { storageLimits, onProblem, signal }: CollectOptions,
): Promise<void> {
  const problem = await collectWithin(store, storageLimits, signal ?? new AbortController().signal);
  if (problem !== undefined) onProblem?.(problem);
}

/** Returns why it could not be done. */
async function collectWithin(
  store: Store,
  limits: StorageLimits | undefined,
  signal: AbortSignal,
): Promise<StagecraftError | undefined> {
  // An ordinary user's build that needed no namespace added next to nothing.
  if (limits === undefined || process.getuid?.() !== 0 || signal.aborted) return undefined;
  const { collectIfFull } = await import('../store/collection.ts');
  try {
    await collectIfFull(store, limits, signal);
    return undefined;
  } catch (error) {
    if (signal.aborted) return undefined;
    const isKnown = error instanceof StagecraftError;
    // Of a disk that is full or a file that cannot be removed the system tells; all else is a mistake of ours.
    if (!isKnown && !(error instanceof Error && 'code' in error)) throw error;
    const reason = isKnown ? error.message : `The system refused: ${error.message}.`;
    return new StagecraftError('io', `The store was not made smaller. ${reason}`, {
      hint: (isKnown && error.hint) || '`stagecraft prune` tries again.',
      cause: error,
    });
  }
}
