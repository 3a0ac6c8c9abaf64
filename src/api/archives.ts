import { type LoadedImage, loadImages } from '../source/archive.ts';
import type { ReadOptions } from '../source/archive-files.ts';
import type { StorageLimits } from '../store/selection.ts';
import { openStore } from '../store/store.ts';
import type { StagecraftError } from '../util/errors.ts';
import { collectWithin, prepareToCollect } from './collect.ts';

export type { ArchiveFormat } from '../exporter/archive.ts';
export { saveImages } from '../exporter/save.ts';
export { familiarName } from '../image/reference.ts';
export type { LoadedImage } from '../source/archive.ts';
export { openStore } from '../store/store.ts';

export interface LoadOptions extends ReadOptions {
  /** The store's directory; the usual place unless given. */
  readonly store?: string | undefined;
  /** How large the store may be then. No limit unless given. */
  readonly storageLimits?: StorageLimits | undefined;
  /** Told why the store was not made smaller, where it could not be. */
  readonly onProblem?: ((problem: StagecraftError) => void) | undefined;
}

/**
 * Takes the images of an archive into the store.
 * @throws StagecraftError as {@link loadImages}
 * @throws NamespaceRequired where an ordinary user set limits and must first enter a user namespace
 */
export async function loadArchive(
  source: AsyncIterable<Uint8Array>,
  { store: place, storageLimits, onProblem, ...options }: LoadOptions = {},
): Promise<LoadedImage[]> {
  prepareToCollect(storageLimits);
  const store = openStore(place);
  try {
    const loaded = await loadImages(store, source, options);
    const signal = options.signal ?? new AbortController().signal;
    const problem = await collectWithin(store, storageLimits, signal);
    if (problem !== undefined) onProblem?.(problem);
    return loaded;
  } finally {
    store.close();
  }
}
