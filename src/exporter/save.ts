import type { Platform } from '../image/types.ts';
import { blobsOf } from '../store/blobs.ts';
import { findImage, getNamed } from '../store/images.ts';
import { readImage } from '../store/inspect.ts';
import { takeLease } from '../store/leases.ts';
import type { Store } from '../store/store.ts';
import type { Digest } from '../util/digest.ts';
import { type ArchiveFormat, type NamedImage, writeArchive } from './archive.ts';
import { writeDestination } from './destination.ts';

export interface SaveOptions {
  format?: ArchiveFormat;
  /** Of an image for several, this platform's part alone. */
  platform?: Platform | undefined;
}

/**
 * `stagecraft save`: images of the store as one archive, each under the names it was asked for by; asked for by its ID
 * it has none.
 * @param dest a file, or `-` for standard output
 * @throws StagecraftError `not-found` for an image or a part of it; `usage`, `io` as `writeDestination`
 */
export async function saveImages(
  store: Store,
  images: readonly string[],
  dest: string,
  { format = 'docker', platform }: SaveOptions = {},
): Promise<void> {
  const lease = takeLease(store);
  try {
    const chosen = new Map<Digest, NamedImage & { names: string[] }>();
    for (const text of images) {
      const record = findImage(store, text);
      const descriptor =
        platform === undefined
          ? record.descriptor
          : readImage(blobsOf(store), record.descriptor, platform).descriptor;
      const image = chosen.get(descriptor.digest) ?? { descriptor, names: [] };
      chosen.set(descriptor.digest, image);
      const isByName = getNamed(store, text) !== undefined;
      if (isByName && !image.names.includes(record.name)) image.names.push(record.name);
    }
    await writeDestination(dest, writeArchive(store.root, [...chosen.values()], format));
  } finally {
    lease.release();
  }
}
