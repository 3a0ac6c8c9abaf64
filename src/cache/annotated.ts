import type { Descriptor } from '../image/types.ts';
import { type CacheConfig, parseCacheConfig } from './config.ts';
import { createdAnnotation, diffIdAnnotation, ImportedCache } from './imported.ts';
import type { ReadBlob } from './shared.ts';

/** The config of a cache that has no manifest: layers are described in the config itself. */
export function writeAnnotated(config: CacheConfig, layers: readonly Descriptor[]): Buffer {
  const known = new Map(layers.map(layer => [layer.digest, layer]));
  const described = config.layers.map(layer => {
    const { mediaType, size, annotations } = known.get(layer.blob)!;
    const diffID = annotations?.[diffIdAnnotation];
    return {
      ...layer,
      annotations: { mediaType, diffID, size, createdAt: annotations?.[createdAnnotation] },
    };
  });
  return Buffer.from(JSON.stringify({ layers: described, records: config.records }));
}

/** Reads such a config. @throws StagecraftError `integrity` */
export function readAnnotated(bytes: Uint8Array, read: ReadBlob): ImportedCache {
  const config = parseCacheConfig(bytes);
  const layers = config.layers.flatMap(({ blob, annotations = {} }): Descriptor[] => {
    const { mediaType, diffID, size, createdAt } = annotations;
    if (typeof mediaType !== 'string' || typeof diffID !== 'string' || !Number.isSafeInteger(size)) return [];
    const made = typeof createdAt === 'string' && { [createdAnnotation]: createdAt };
    return [{ mediaType, digest: blob, size: size!, annotations: { [diffIdAnnotation]: diffID, ...made } }];
  });
  return new ImportedCache(config, layers, read);
}
