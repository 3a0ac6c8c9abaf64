import type { RecordKey } from '../cache/buildkit/key.ts';
import type { ExportedResult } from '../cache/exported.ts';
import { inlineCache } from '../cache/inline.ts';
import { CacheRecords } from '../cache/records.ts';
import type { CachedResult, SharedLayer } from '../cache/shared.ts';
import type { LayerId, ResultLayers } from '../snapshot/types.ts';
import type { Store } from '../store/store.ts';
import type { Digest } from '../util/digest.ts';

interface KnownServices {
  readonly store: Store;
  /** When this build's lease began; milliseconds since the epoch. */
  readonly since: number;
}

/** A result, and what its outputs are called in caches. */
export interface NamedResult extends CachedResult {
  readonly names: ReadonlyMap<number, RecordKey>;
}

export async function nameResults(results: readonly CachedResult[]): Promise<NamedResult[]> {
  return Promise.all(results.map(async result => ({ ...result, names: await result.recordKeys() })));
}

/** A layer of the store, or one of a shared cache that nobody has needed here. */
export type AnyLayer = LayerId | SharedLayer;
export type KnownResult = ExportedResult<AnyLayer>;

/** What the store, or else a shared cache, knows of results; where images are given, with the layers of just those in them. */
export function knownResults(
  { store, since }: KnownServices,
  results: readonly NamedResult[],
  images?: readonly ResultLayers[],
): KnownResult[] {
  const records = new CacheRecords(store, since);
  const inImages = images && layersOfImages(store, images);
  return results.flatMap(({ keys, names, shared, composed, outputCount }): KnownResult[] => {
    const local = keys.map(key => records.find(key)).find(record => record !== undefined);
    const record = local ?? (composed && { outputs: composed, createdAt: newest(store, composed) }) ?? shared;
    if (record === undefined && keys.length > 0) return [];
    const createdAt = record?.createdAt ?? 0;
    const origin = shared?.origin;
    const outputs: KnownResult['outputs'] = record?.outputs ?? Array.from({ length: outputCount });
    if (inImages === undefined) return [{ keys: names, origin, outputs, createdAt }];
    const isIn = (layer: AnyLayer) =>
      typeof layer === 'string' ? inImages.layers.has(layer) : inImages.diffIds.has(layer.diffId);
    const shown = outputs.map(output => ((output?.every(isIn) ?? true) ? output : undefined));
    return [{ keys: names, origin, outputs: shown, createdAt }];
  });
}

/** When the last of some layers was made; milliseconds since the epoch. */
function newest(store: Store, outputs: readonly ResultLayers[]): number {
  const times = outputs
    .flat()
    .map(layer => (typeof layer === 'string' ? createdAtOf(store, layer) : (layer.createdAt ?? 0)));
  return Math.max(0, ...times);
}

export function createdAtOf(store: Store, layer: LayerId): number {
  const row = store.prepare('SELECT created_at FROM layers WHERE id = ?').get(layer);
  return (row?.created_at as number | undefined) ?? 0;
}

function layersOfImages(
  store: Store,
  images: readonly ResultLayers[],
): { layers: ReadonlySet<LayerId>; diffIds: ReadonlySet<Digest> } {
  const all = images.flat();
  const layers = all.filter(layer => typeof layer === 'string');
  const elsewhere = all.flatMap(layer => (typeof layer === 'string' ? [] : layer.diffId));
  const diffIds = layers.flatMap(layer => diffIdsOf(store, layer));
  return { layers: new Set(layers), diffIds: new Set([...diffIds, ...elsewhere]) };
}

/** What a layer may be called in others' words: its own id, and what it was packed to. */
function namesOf(store: Store, layer: AnyLayer): string[] {
  return typeof layer === 'string' ? [layer, ...diffIdsOf(store, layer)] : [layer.diffId];
}

/** The contents that a layer was packed to, or unpacked from. */
function diffIdsOf(store: Store, layer: LayerId): Digest[] {
  const rows = store.prepare('SELECT diff_id FROM layer_blobs WHERE layer = ?').all(layer);
  return rows.map(row => row.diff_id as Digest);
}

/** The cache that an image carries: what the build knows of the image's own layers. */
export async function inlineCacheFor(
  services: KnownServices,
  results: readonly CachedResult[],
  image: ResultLayers,
): Promise<string | undefined> {
  const places = new Map<string, number>();
  image.forEach((layer, place) => {
    for (const name of namesOf(services.store, layer)) places.set(name, place);
  });
  const known = knownResults(services, await nameResults(results), [image]).map(result => ({
    ...result,
    outputs: result.outputs.map(output =>
      output
        ? output.map(layer => places.get(typeof layer === 'string' ? layer : layer.diffId) ?? -1)
        : output,
    ),
  }));
  return inlineCache(known, image.length);
}
