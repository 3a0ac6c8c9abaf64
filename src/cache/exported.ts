import type { Descriptor } from '../image/types.ts';
import type { Digest } from '../util/digest.ts';
import type { RecordKey } from './buildkit/key.ts';
import type { CacheConfig, ConfigLayer, ConfigRecord } from './config.ts';
import { RecordList } from './record-list.ts';
import type { SharedOrigin } from './shared.ts';

/** A layer to be shared. */
export interface ExportedLayer {
  /** With the diffID as an annotation. */
  readonly descriptor: Descriptor;
  /** Reads it from an offset on; what is read from its start is verified at the end. */
  readonly read: (from: number) => AsyncIterable<Uint8Array>;
}

/** A result to be shared, with layers of whatever form. */
export interface ExportedResult<Layer = ExportedLayer> {
  /** What its outputs are called. */
  readonly keys: ReadonlyMap<number, RecordKey>;
  /** Where it was found, which may know more ways to it. */
  readonly origin?: SharedOrigin | undefined;
  /** For each output its layers; null for one that is none, nothing for one that is not shared itself. */
  readonly outputs: readonly (readonly Layer[] | null | undefined)[];
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/**
 * The records of some results: one for each output, linked to those it stands on. Also where the result itself is not
 * shared, so that what stands on it is found.
 */
export function recordsOf<Layer>(
  results: readonly ExportedResult<Layer>[],
  resultOf: (
    layers: readonly Layer[],
    createdAt: string,
  ) => Pick<ConfigRecord, 'layers' | 'chains'> | undefined,
): ConfigRecord[] {
  const records = new RecordList();
  for (const { keys, origin, outputs, createdAt } of results) {
    const time = new Date(createdAt).toISOString();
    const numbers = new Set([...keys.keys(), ...(origin?.places.keys() ?? [])]);
    for (const output of numbers) {
      const layers = outputs[output];
      if (layers === null) continue;
      const copied = (origin?.places.get(output) ?? []).map(place => records.copy(origin!.config, place));
      const key = keys.get(output);
      const place = (key && records.add(key)) ?? copied.find(each => each !== undefined);
      const result = layers && resultOf(layers, time);
      if (place !== undefined && result !== undefined) records.give(place, result);
    }
  }
  return records.finish();
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
