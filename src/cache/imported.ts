import { ociLayerType } from '../image/manifest.ts';
import { type Descriptor, mediaTypes } from '../image/types.ts';
import { type Digest, isDigest } from '../util/digest.ts';
import { type CacheConfig, type ConfigRecord, chainBelow } from './config.ts';
import type { CacheKey } from './keys.ts';
import { outputDigest, type ReadBlob, type SharedLayer, type SharedRecord } from './shared.ts';

/** Where a descriptor of a cache says the diffID of a layer, as containerd has it. */
export const diffIdAnnotation = 'containerd.io/uncompressed';

/** Where a descriptor of a cache says when a layer was made, as BuildKit has it: RFC 3339. */
export const createdAnnotation = 'buildkit/createdat';

/** A cache that was read: its records by their digests. Layers are only named, not fetched. */
export class ImportedCache {
  readonly #config: CacheConfig;
  readonly #layers: ReadonlyMap<Digest, SharedLayer>;
  readonly #byDigest = new Map<string, ConfigRecord[]>();

  /** @param descriptors of the layers that are there; records of others lead nowhere */
  constructor(config: CacheConfig, descriptors: readonly Descriptor[], read: ReadBlob) {
    this.#config = config;
    const layers = new Map<Digest, SharedLayer>();
    for (const descriptor of descriptors) {
      const layer = sharedLayer(descriptor, read);
      if (layer !== undefined) layers.set(descriptor.digest, layer);
    }
    this.#layers = layers;
    for (const record of config.records) {
      const same = this.#byDigest.get(record.digest);
      if (same === undefined) this.#byDigest.set(record.digest, [record]);
      else same.push(record);
    }
  }

  /** The result under a key of ours: see `exported.ts` for how records tell it. */
  find(key: CacheKey, outputs: readonly number[]): SharedRecord | undefined {
    const found: (readonly SharedLayer[] | null)[] = [];
    let createdAt = 0;
    let canonical: CacheKey | undefined;
    let isWhole = true;
    for (const output of outputs) {
      const result = this.#result(outputDigest(key, output), canonical);
      if (result === undefined) return undefined;
      canonical = result.canonical;
      createdAt = Math.max(createdAt, result.createdAt);
      if (result.layers === undefined) isWhole = false;
      else found[output] = result.layers;
    }
    if (canonical === undefined) return undefined;
    return { canonical, createdAt, outputs: isWhole ? Array.from(found, each => each ?? null) : undefined };
  }

  #result(
    digest: Digest,
    canonical: CacheKey | undefined,
  ): { canonical: CacheKey; layers: SharedLayer[] | undefined; createdAt: number } | undefined {
    let known: CacheKey | undefined;
    for (const record of this.#byDigest.get(digest) ?? []) {
      const link = record.inputs?.length === 1 ? record.inputs[0]![0] : undefined;
      const below = link && this.#config.records[link.link]!.digest;
      if (below === undefined || !isDigest(below) || (canonical ?? below) !== below) continue;
      known ??= below;
      const results = [
        ...(record.chains ?? []),
        ...(record.layers ?? []).map(({ layer, ...rest }) => ({
          ...rest,
          layers: chainBelow(this.#config.layers, layer),
        })),
      ];
      for (const { layers: places, createdAt } of results) {
        const layers = places.map(place => this.#layers.get(this.#config.layers[place]!.blob));
        if (layers.every(layer => layer !== undefined))
          return { canonical: below, layers, createdAt: Date.parse(createdAt ?? '') || 0 };
      }
    }
    return known && { canonical: known, layers: undefined, createdAt: 0 };
  }
}

/** Nothing for a layer that does not say what is in it: it could not be verified once unpacked. */
function sharedLayer(descriptor: Descriptor, read: ReadBlob): SharedLayer | undefined {
  const mediaType = ociLayerType(descriptor.mediaType);
  const stated = descriptor.annotations?.[diffIdAnnotation];
  const diffId = stated ?? (mediaType === mediaTypes.layer ? descriptor.digest : undefined);
  if (diffId === undefined || !isDigest(diffId)) return undefined;
  return { descriptor: { ...descriptor, mediaType }, diffId, read };
}
