import { ociLayerType } from '../image/manifest.ts';
import type { RemoteLayer } from '../image/remote-layer.ts';
import { type Descriptor, mediaTypes } from '../image/types.ts';
import { type Digest, isDigest } from '../util/digest.ts';
import type { RecordKey } from './buildkit/key.ts';
import { type CacheConfig, chainBelow } from './config.ts';
import { mountsAmong, type SharedMount } from './mounts.ts';
import type { ReadBlob, SharedLayer, SharedRecord } from './shared.ts';

/** Where a descriptor of a cache says the diffID of a layer, as containerd has it. */
export const diffIdAnnotation = 'containerd.io/uncompressed';

/** Where a descriptor of a cache says when a layer was made, as BuildKit has it: RFC 3339. */
export const createdAnnotation = 'buildkit/createdat';

/** A cache that was read: its records by their digests. Layers are only named, not fetched. */
export class ImportedCache {
  /** The cache mounts that came with it. */
  readonly mounts: readonly SharedMount[];
  readonly #config: CacheConfig;
  readonly #layers: ReadonlyMap<Digest, SharedLayer>;
  /** Places of records. */
  readonly #byDigest = new Map<string, number[]>();
  readonly #matches = new WeakMap<RecordKey, readonly number[]>();

  /**
   * @param descriptors of the layers that are there; records of others lead nowhere
   * @param repository that they are in, where that is so
   */
  constructor(
    config: CacheConfig,
    descriptors: readonly Descriptor[],
    read: ReadBlob,
    repository?: RemoteLayer['repository'],
  ) {
    this.#config = config;
    this.mounts = mountsAmong(descriptors, read);
    const layers = new Map<Digest, SharedLayer>();
    for (const descriptor of descriptors) {
      const layer = sharedLayer(descriptor, read, repository);
      if (layer !== undefined) layers.set(descriptor.digest, layer);
    }
    this.#layers = layers;
    config.records.forEach(({ digest }, place) => {
      const same = this.#byDigest.get(digest);
      if (same === undefined) this.#byDigest.set(digest, [place]);
      else same.push(place);
    });
  }

  /** What is known of the operation whose outputs have these keys. */
  find(outputs: ReadonlyMap<number, RecordKey>): SharedRecord | undefined {
    const found: (readonly SharedLayer[] | null)[] = [];
    const places = new Map<number, readonly number[]>();
    let createdAt = 0;
    let isWhole = true;
    for (const [output, key] of outputs) {
      const matching = this.#match(key);
      if (matching.length === 0) return undefined;
      places.set(output, matching);
      const result = this.#bestOf(matching);
      createdAt = Math.max(createdAt, result?.createdAt ?? 0);
      if (result === undefined) isWhole = false;
      else found[output] = result.layers;
    }
    if (places.size === 0) return undefined;
    return {
      createdAt,
      outputs: isWhole ? Array.from(found, each => each ?? null) : undefined,
      origin: { config: this.#config, places },
    };
  }

  /**
   * The places of the records that go by a key: those of its digest that stand, in each input, on a record of one of the
   * keys that the input has.
   */
  #match(key: RecordKey): readonly number[] {
    let places = this.#matches.get(key);
    if (places === undefined) {
      places = key.isFresh ? [] : this.#search(key);
      this.#matches.set(key, places);
    }
    return places;
  }

  #search({ digest, inputs }: RecordKey): readonly number[] {
    const places = this.#byDigest.get(digest) ?? [];
    if (places.length === 0) return places;
    const wanted = inputs.map(
      links =>
        new Set(links.flatMap(({ key, selector }) => this.#match(key).map(place => `${selector} ${place}`))),
    );
    return places.filter(place => {
      const record = this.#config.records[place]!.inputs ?? [];
      return (
        record.length === wanted.length &&
        record.every((links, i) =>
          links.some(({ selector = '', link }) => wanted[i]!.has(`${selector} ${link}`)),
        )
      );
    });
  }

  /** The newest result of some records whose layers are all there. */
  #bestOf(places: readonly number[]): { layers: SharedLayer[]; createdAt: number } | undefined {
    let best: { layers: SharedLayer[]; createdAt: number } | undefined;
    for (const place of places) {
      const record = this.#config.records[place]!;
      const results = [
        ...(record.chains ?? []),
        ...(record.layers ?? []).map(({ layer, ...rest }) => ({
          ...rest,
          layers: chainBelow(this.#config.layers, layer),
        })),
      ];
      for (const { layers: chain, createdAt } of results) {
        const made = Date.parse(createdAt ?? '') || 0;
        if (best !== undefined && best.createdAt >= made) continue;
        const layers = chain.map(layer => this.#layers.get(this.#config.layers[layer]!.blob));
        if (layers.every(layer => layer !== undefined)) best = { layers, createdAt: made };
      }
    }
    return best;
  }
}

/** Nothing for a layer that does not say what is in it: it could not be verified once unpacked. */
function sharedLayer(
  descriptor: Descriptor,
  read: ReadBlob,
  repository: RemoteLayer['repository'],
): SharedLayer | undefined {
  const mediaType = ociLayerType(descriptor.mediaType);
  const stated = descriptor.annotations?.[diffIdAnnotation];
  const diffId = stated ?? (mediaType === mediaTypes.layer ? descriptor.digest : undefined);
  if (diffId === undefined || !isDigest(diffId)) return undefined;
  const time = Date.parse(descriptor.annotations?.[createdAnnotation] ?? '');
  const createdAt = Number.isNaN(time) ? undefined : time;
  return { descriptor: { ...descriptor, mediaType }, diffId, read, createdAt, repository };
}
