import type { Descriptor } from '../image/types.ts';
import type { Digest } from '../util/digest.ts';
import type { ReadBlob } from './shared.ts';

/**
 * Cache mounts in a shared cache: an index for each, and the packs that it names (see `src/mounts`). They stand among the
 * layers of the cache's manifest, so that registries keep and copy them with it; no record names them, so that BuildKit
 * passes them over.
 */
export const mountIndexType = 'application/vnd.stagecraft.cachemount.index.v1+zstd';
const mountPackType = 'application/vnd.stagecraft.cachemount.pack.v1+zstd';

/** Where the descriptor of an index says what the store calls the mount. */
const nameAnnotation = 'dev.stagecraft.cachemount.name';

/** A cache mount in a shared cache. */
export interface SharedMount {
  readonly name: string;
  /** Of its index. */
  readonly descriptor: Descriptor;
  /** Reads the index, and the packs. */
  readonly read: ReadBlob;
}

export function mountIndexDescriptor(name: string, digest: Digest, size: number): Descriptor {
  return { mediaType: mountIndexType, digest, size, annotations: { [nameAnnotation]: name } };
}

export function mountPackDescriptor({ digest, size }: { digest: Digest; size: number }): Descriptor {
  return { mediaType: mountPackType, digest, size };
}

/** True for what belongs to a cache mount, and is no layer. */
export function isOfMount({ mediaType }: Descriptor): boolean {
  return mediaType === mountIndexType || mediaType === mountPackType;
}

/** The cache mounts among the descriptors of a cache. */
export function mountsAmong(descriptors: readonly Descriptor[], read: ReadBlob): SharedMount[] {
  return descriptors.flatMap(descriptor => {
    const name = descriptor.annotations?.[nameAnnotation];
    if (descriptor.mediaType !== mountIndexType || typeof name !== 'string') return [];
    return [{ name, descriptor, read }];
  });
}
