import { asObject, parseJsonValue } from '../content/json.ts';
import { type Digest, isDigest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';

/** The media type of a {@link CacheConfig}, BuildKit's. */
export const cacheConfigType = 'application/vnd.buildkit.cacheconfig.v0';

/**
 * What a shared cache knows, in the form of BuildKit's `cacheconfig.v0`: records that lead from digests to layers, and
 * point at each other by their places in these lists.
 */
export interface CacheConfig {
  readonly layers: readonly ConfigLayer[];
  readonly records: readonly ConfigRecord[];
}

/** A layer on top of others. */
export interface ConfigLayer {
  readonly blob: Digest;
  /** The place of the layer below; -1 for none. */
  readonly parent: number;
  /** What a manifest says elsewhere, for caches that have none. */
  readonly annotations?: LayerAnnotations;
}

export interface LayerAnnotations {
  readonly mediaType?: string;
  readonly diffID?: Digest;
  /** Bytes. */
  readonly size?: number;
  readonly createdAt?: string;
}

export interface ConfigRecord {
  readonly digest: string;
  /** Results: a layer with all that are below it. */
  readonly layers?: readonly { readonly layer: number; readonly createdAt?: string }[];
  /** Results: just these layers, base first. */
  readonly chains?: readonly { readonly layers: readonly number[]; readonly createdAt?: string }[];
  /** For each input the records that it may be, and which part of its files counts. */
  readonly inputs?: readonly (readonly ConfigInput[])[];
}

export interface ConfigInput {
  readonly selector?: string;
  /** The place of a record. */
  readonly link: number;
}

/** The longest config that is read, in bytes. */
export const configLimit = 16 << 20;

/** Reads a config of others. @throws StagecraftError `integrity` for what is none, or points beyond itself */
export function parseCacheConfig(bytes: Uint8Array): CacheConfig {
  const what = 'The cache config';
  const config = asObject(parseJsonValue(bytes, what), what);
  return checkCacheConfig(config.layers ?? [], config.records ?? []);
}

/** Checks lists of layers and records as they came out of JSON. @throws StagecraftError `integrity` */
export function checkCacheConfig(layerList: unknown, recordList: unknown): CacheConfig {
  const layers = listOf(layerList, 'layers').map((layer, index): ConfigLayer => {
    const { blob, parent = 0, annotations } = asObject(layer, `Layer ${index} of the cache config`);
    if (typeof blob !== 'string' || !isDigest(blob)) throw bad(`its layer ${index} has no SHA-256 digest`);
    return {
      blob,
      parent: placeIn(parent, -1, (layerList as unknown[]).length),
      ...(typeof annotations === 'object' && annotations !== null && { annotations }),
    };
  });
  refuseCircles(layers);
  const records = listOf(recordList, 'records').map((record, index): ConfigRecord => {
    const value = asObject(record, `Record ${index} of the cache config`);
    if (typeof value.digest !== 'string') throw bad(`its record ${index} has no digest`);
    const results = listOf(value.layers ?? [], 'layers').map(result => {
      const { layer = 0, createdAt } = asObject(result, 'A result of the cache config');
      return { layer: placeIn(layer, 0, layers.length), ...timeOf(createdAt) };
    });
    const chains = listOf(value.chains ?? [], 'chains').map(chain => {
      const { layers: places, createdAt } = asObject(chain, 'A result of the cache config');
      const parts = listOf(places ?? [], 'layers').map(place => placeIn(place, 0, layers.length));
      return { layers: parts, ...timeOf(createdAt) };
    });
    const inputs = listOf(value.inputs ?? [], 'inputs').map(input =>
      listOf(input ?? [], 'inputs').map((each): ConfigInput => {
        const { selector, link = 0 } = asObject(each, 'An input of the cache config');
        const place = placeIn(link, 0, (recordList as unknown[]).length);
        return { link: place, ...(typeof selector === 'string' && selector !== '' && { selector }) };
      }),
    );
    return { digest: value.digest, layers: results, chains, inputs };
  });
  return { layers, records };
}

/** The places of a layer and of all below it, base first. */
export function chainBelow(layers: readonly ConfigLayer[], top: number): number[] {
  const chain: number[] = [];
  for (let place = top; place >= 0; place = layers[place]!.parent) chain.push(place);
  return chain.reverse();
}

function refuseCircles(layers: readonly ConfigLayer[]): void {
  const grounded = new Set<number>();
  for (let top = 0; top < layers.length; top += 1) {
    const path = new Set<number>();
    for (let place = top; place >= 0 && !grounded.has(place); place = layers[place]!.parent) {
      if (path.has(place)) throw bad('its layers stand on each other');
      path.add(place);
    }
    for (const place of path) grounded.add(place);
  }
}

function listOf(value: unknown, name: string): unknown[] {
  if (Array.isArray(value)) return value;
  throw bad(`its list of ${name} is none`);
}

function placeIn(value: unknown, least: number, count: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value < count) return value;
  throw bad(`it points at ${JSON.stringify(value)}, where it has nothing`);
}

function timeOf(value: unknown): { createdAt?: string } {
  return typeof value === 'string' ? { createdAt: value } : {};
}

function bad(problem: string): StagecraftError {
  return new StagecraftError('integrity', `The cache config is damaged: ${problem}.`);
}
