import type { Descriptor } from '../image/types.ts';
import type { Digest } from '../util/digest.ts';
import type { CacheConfig, ConfigLayer, ConfigRecord } from './config.ts';
import type { CacheKey } from './keys.ts';
import { outputDigest } from './shared.ts';

/** A layer to be shared. */
export interface ExportedLayer {
  /** With the diffID as an annotation. */
  readonly descriptor: Descriptor;
  /** Reads it from an offset on; what is read from its start is verified at the end. */
  readonly read: (from: number) => AsyncIterable<Uint8Array>;
}

/** A result to be shared, with layers of whatever form. */
export interface ExportedResult<Layer = ExportedLayer> {
  readonly keys: readonly CacheKey[];
  readonly canonical: CacheKey;
  /** For each output its layers; null for one that is none, nothing for one that is not shared itself. */
  readonly outputs: readonly (readonly Layer[] | null | undefined)[];
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/**
 * The records of some results. Each output of an operation is a record under each of its keys, and stands on a record
 * whose digest is the canonical key: so whoever finds it knows what the keys of its users stand on, also where the
 * result itself is not shared.
 */
export function recordsOf<Layer>(
  results: readonly ExportedResult<Layer>[],
  resultOf: (
    layers: readonly Layer[],
    createdAt: string,
  ) => Pick<ConfigRecord, 'layers' | 'chains'> | undefined,
): ConfigRecord[] {
  const records: ConfigRecord[] = [];
  const places = new Map<string, number>();
  const add = (record: ConfigRecord): number => {
    let place = places.get(record.digest);
    if (place === undefined) {
      place = records.push(record) - 1;
      places.set(record.digest, place);
    }
    return place;
  };
  for (const { keys, canonical, outputs, createdAt } of results) {
    const time = new Date(createdAt).toISOString();
    outputs.forEach((layers, output) => {
      if (layers === null) return;
      const result = layers && resultOf(layers, time);
      const inputs = [[{ link: add({ digest: canonical }) }]];
      for (const key of new Set([...keys, canonical]))
        add({ digest: outputDigest(key, output), ...result, inputs });
    });
  }
  return records;
}

/** The config of a cache, and the layers that it names, each once. */
export function configOf(results: readonly ExportedResult[]): {
  config: CacheConfig;
  layers: ExportedLayer[];
} {
  const chains: ConfigLayer[] = [];
  const places = new Map<string, number>();
  const layers = new Map<Digest, ExportedLayer>();
  const records = recordsOf(results, (result, createdAt) => {
    let parent = -1;
    for (const layer of result) {
      const blob = layer.descriptor.digest;
      layers.set(blob, layers.get(blob) ?? layer);
      const name = `${blob} ${parent}`;
      const known = places.get(name);
      const place = known ?? chains.push({ blob, parent }) - 1;
      places.set(name, place);
      parent = place;
    }
    // Nothing can stand for an empty file system but a list of no layers.
    if (parent < 0) return { chains: [{ layers: [], createdAt }] };
    return { layers: [{ layer: parent, createdAt }] };
  });
  return { config: { layers: chains, records }, layers: [...layers.values()] };
}
