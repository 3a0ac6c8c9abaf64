import { parseJson } from '../content/json.ts';
import { checkIndex } from '../image/manifest.ts';
import type { Descriptor } from '../image/types.ts';
import { type CacheConfig, parseCacheConfig } from './config.ts';
import { createdAnnotation, diffIdAnnotation, ImportedCache } from './imported.ts';
import { isOfMount, mountIndexType } from './mounts.ts';
import type { ReadBlob } from './shared.ts';

/** The field with the indexes of cache mounts, which BuildKit does not know and passes over. */
const mountsField = 'stagecraftMounts';

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
  const mounts = layers.filter(({ mediaType }) => mediaType === mountIndexType);
  const more = mounts.length > 0 && { [mountsField]: mounts };
  return Buffer.from(JSON.stringify({ layers: described, records: config.records, ...more }));
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
  return new ImportedCache(config, [...layers, ...mountsIn(bytes)], read);
}

function mountsIn(bytes: Uint8Array): Descriptor[] {
  const list = parseJson(bytes, 'The cache config')[mountsField];
  if (!Array.isArray(list)) return [];
  const document = { schemaVersion: 2, manifests: list };
  return checkIndex(document, 'The list of cache mounts').manifests.filter(isOfMount);
}
