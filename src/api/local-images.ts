import type { BlobStore } from '../content/blobs.ts';
import type { ResolveImage } from '../frontend/types.ts';
import { normalizeReference } from '../image/reference.ts';
import { findImage } from '../store/images.ts';
import { readImage } from '../store/inspect.ts';
import type { Store } from '../store/store.ts';
import { StagecraftError } from '../util/errors.ts';

/** Finds images in the local store for checks, which do without one that is not there and ask no registry. */
export function localImages({ store, blobs }: { store: Store; blobs: BlobStore }): ResolveImage {
  return async (ref, platform) => {
    try {
      const { descriptor } = findImage(store, ref);
      const { config } = readImage(blobs, descriptor, platform);
      return { name: normalizeReference(ref), digest: descriptor.digest, config };
    } catch (error) {
      if (error instanceof StagecraftError && error.code === 'not-found') return undefined;
      throw error;
    }
  };
}
