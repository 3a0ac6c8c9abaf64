import { type LoadedImage, loadImages } from '../source/archive.ts';
import type { ReadOptions } from '../source/archive-files.ts';
import { openStore } from '../store/store.ts';
import { type CollectOptions, collectOrTell, prepareToCollect } from './collect.ts';

export type { ArchiveFormat } from '../exporter/archive.ts';
export { saveImages } from '../exporter/save.ts';
export { familiarName } from '../image/reference.ts';
export type { LoadedImage } from '../source/archive.ts';
export { openStore } from '../store/store.ts';

export interface LoadOptions extends ReadOptions, Omit<CollectOptions, 'signal'> {
  /** The store's directory; the usual place unless given. */
  readonly store?: string | undefined;
}

/**
 * Takes the images of an archive into the store.
 * @throws StagecraftError as {@link loadImages}
 * @throws NamespaceRequired where an ordinary user set limits and must first enter a user namespace
 */
export async function loadArchive(
  source: AsyncIterable<Uint8Array>,
  options: LoadOptions = {},
): Promise<LoadedImage[]> {
  prepareToCollect(options.storageLimits);
  const store = openStore(options.store);
  try {
    const loaded = await loadImages(store, source, options);
    await collectOrTell(store, options);
    return loaded;
  } finally {
    store.close();
  }
}
