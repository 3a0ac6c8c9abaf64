import { type Compression, compressionName } from '../content/compression.ts';
import type { RemoteLayer } from '../image/remote-layer.ts';
import { mediaTypes } from '../image/types.ts';
import type { LayerId } from '../snapshot/types.ts';
import { acquireLock } from '../store/locks.ts';
import { type Digest, finishDigest, startDigest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import type { ExportServices } from './types.ts';

/** A layer as a blob of the store. */
export interface PackedLayer {
  /** The digest of the tar stream (config.md#layer-diffid). */
  diffId: Digest;
  digest: Digest;
  size: number;
  /** An OCI media type. */
  mediaType: string;
  /** True for the blob that came with an image, false for one made here. */
  isOriginal: boolean;
  /** What no time in it is later than, where times were rewritten: seconds since the epoch. */
  latestTime?: number | undefined;
}

/** How to pack, as far as it decides which blob comes out. */
export interface LayerOptions {
  compression: Compression;
  force?: boolean | undefined;
  /** Times in layers are at most this: seconds since the epoch. */
  latestTime?: number | undefined;
  /** How many of the layers, from the first on, came with a base image and keep their times. */
  baseLayers?: number | undefined;
}

/** How one layer is packed. */
type PackOptions = Omit<LayerOptions, 'baseLayers'>;

/** The variant of a layer's blob that came with an image; others are named by what made them. */
export const originalVariant = 'original';
/** Layers packed at the same time: the threads that compress are busy with few, and memory stays bounded. */
const parallel = 2;

const layerTypes = {
  gzip: mediaTypes.layerGzip,
  zstd: mediaTypes.layerZstd,
  uncompressed: mediaTypes.layer,
} as const;

/** A layer that lies elsewhere, as it is there: who wants another form has it brought first. */
export function packedElsewhere({ descriptor, diffId }: RemoteLayer): PackedLayer {
  const { digest, size, mediaType } = descriptor;
  return { diffId, digest, size, mediaType, isOriginal: true };
}

/**
 * The blobs of layers, in order. One that is known is used again; others are packed, compressed and hashed in one pass,
 * some at once, and each by one process only, however many want it.
 */
export async function packLayers(
  services: ExportServices,
  layers: readonly LayerId[],
  options: LayerOptions,
): Promise<PackedLayer[]> {
  const packed = new Map<LayerId, PackedLayer>();
  const missing = new Map<LayerId, PackOptions>();
  layers.forEach((layer, i) => {
    if (packed.has(layer) || missing.has(layer)) return;
    const own = i < (options.baseLayers ?? 0) ? { ...options, latestTime: undefined } : options;
    const known = findPacked(services, layer, own);
    if (known) packed.set(layer, known);
    else missing.set(layer, own);
  });
  const queue = missing.entries();
  const work = async (): Promise<void> => {
    for (const [layer, own] of queue) packed.set(layer, await packOnce(services, layer, own));
  };
  const workers = Array.from({ length: Math.min(parallel, missing.size) }, work);
  // All have ended before an error goes up, so that nothing is still being written.
  for (const result of await Promise.allSettled(workers))
    if (result.status === 'rejected') throw result.reason;
  return layers.map(layer => packed.get(layer)!);
}

interface Row {
  variant: string;
  diff_id: Digest;
  digest: Digest;
  size: number;
  media_type: string;
}

function findPacked(services: ExportServices, layer: LayerId, options: PackOptions): PackedLayer | undefined {
  const original = originalOf(services, layer, options);
  const wanted = layerTypes[options.compression.type];
  if (original) {
    // Without force a base image's layer stays as its registry has it, only not uncompressed where that was not asked.
    const isGood = options.force ? original.media_type === wanted : original.media_type !== mediaTypes.layer;
    if (isGood || original.media_type === wanted) {
      const found = use(services, original, options);
      if (found) return found;
    }
  }
  const row = getRow(services, layer, variantOf(options));
  return row && use(services, row, options);
}

/** The blob that the layer came as, where its times are as wanted. */
function originalOf(services: ExportServices, layer: LayerId, { latestTime }: PackOptions): Row | undefined {
  return latestTime === undefined ? getRow(services, layer, originalVariant) : undefined;
}

function getRow(services: ExportServices, layer: LayerId, variant: string): Row | undefined {
  return services.store
    .prepare(
      'SELECT variant, diff_id, digest, size, media_type FROM layer_blobs WHERE layer = ? AND variant = ?',
    )
    .get(layer, variant) as Row | undefined;
}

function use(services: ExportServices, row: Row, { latestTime }: PackOptions): PackedLayer | undefined {
  if (!services.blobs.use(row.digest) || services.blobs.size(row.digest) !== row.size) return undefined;
  return {
    diffId: row.diff_id,
    digest: row.digest,
    size: row.size,
    mediaType: row.media_type,
    isOriginal: row.variant === originalVariant,
    latestTime,
  };
}

function variantOf({ compression, latestTime }: PackOptions): string {
  const name = compressionName(compression);
  return latestTime === undefined ? name : `${name}@${latestTime}`;
}

async function packOnce(
  services: ExportServices,
  layer: LayerId,
  options: PackOptions,
): Promise<PackedLayer> {
  const original = originalOf(services, layer, options);
  const variant = variantOf(options);
  const lock = await acquireLock(services.store, `pack ${layer} ${variant}`, services.signal);
  try {
    return findPacked(services, layer, options) ?? (await pack(services, layer, options, variant, original));
  } finally {
    lock.release();
  }
}

async function pack(
  services: ExportServices,
  layer: LayerId,
  options: PackOptions,
  variant: string,
  original: Row | undefined,
): Promise<PackedLayer> {
  // Loaded here: most builds find every layer as a blob, and need neither.
  const { compress } = await import('../content/compress.ts');
  const { decompress } = await import('../content/decompress.ts');
  const { store, blobs, signal } = services;
  const diffHash = startDigest();
  let unpackedSize = 0;
  const id = `packing layer ${layer}`;
  async function* content(): AsyncGenerator<Uint8Array> {
    // What another tool packed is not packed anew: the same tree need not give its diffID.
    const source =
      original && blobs.has(original.digest)
        ? decompress(blobs.stream(original.digest))
        : services.pack(layer, { latestTime: options.latestTime, signal });
    for await (const chunk of source) {
      signal?.throwIfAborted();
      diffHash.update(chunk);
      unpackedSize += chunk.length;
      services.status?.(id, unpackedSize);
      yield chunk;
    }
  }
  const { digest, size } = await blobs.write(compress(content(), options.compression));
  services.status?.(id, unpackedSize, unpackedSize);
  const diffId = finishDigest(diffHash);
  if (original && blobs.has(original.digest) && diffId !== original.diff_id)
    throw new StagecraftError(
      'integrity',
      `The layer blob ${original.digest} has the content ${diffId} where ${original.diff_id} was expected.`,
    );
  const mediaType = layerTypes[options.compression.type];
  store.transaction(() => {
    store
      .prepare('INSERT OR REPLACE INTO layer_blobs VALUES (?, ?, ?, ?, ?, ?)')
      .run(layer, variant, diffId, digest, size, mediaType);
    rememberContent(services, digest, diffId, unpackedSize);
  });
  return { diffId, digest, size, mediaType, isOriginal: false, latestTime: options.latestTime };
}

/** Keeps what a layer blob holds, once it was seen. */
function rememberContent(
  { store }: Pick<ExportServices, 'store'>,
  digest: Digest,
  diffId: Digest,
  unpackedSize: number,
): void {
  store.prepare('INSERT OR REPLACE INTO blob_contents VALUES (?, ?, ?)').run(digest, diffId, unpackedSize);
}
