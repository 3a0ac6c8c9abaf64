import type { BlobStore } from '../content/blobs.ts';
import { readJson } from '../content/json.ts';
import { isIndexType, isManifestType } from '../image/manifest.ts';
import type { Descriptor } from '../image/types.ts';
import { type Digest, isDigest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { listBases } from './bases.ts';
import type { Store } from './store.ts';

/** What must stay: the marks of collection. */
export interface Reachable {
  blobs: Set<Digest>;
  layers: Set<string>;
}

/** How to mark. Times are milliseconds since the epoch. */
export interface MarkOptions {
  /** What was used since then stays, whether or not anything refers to it. */
  usedSince: number;
  /** Images without a name that were made before then keep nothing; without it they do. */
  untaggedBefore?: number;
}

/** Follows all references from the images, the build cache and what is in use. Call it inside a transaction. */
export function markReachable(store: Store, blobs: BlobStore, options: MarkOptions): Reachable {
  const images = store
    .prepare(
      'SELECT DISTINCT digest, media_type AS mediaType, size FROM images WHERE name <> digest OR created_at >= ?',
    )
    .all(options.untaggedBefore ?? 0) as unknown as Descriptor[];
  const { blobs: found, diffIds } = referencesOf(blobs, [
    ...images,
    ...listBases(store).map(({ descriptor }) => descriptor),
  ]);
  const marked: Reachable = { blobs: found, layers: new Set() };

  for (const { outputs } of store.prepare('SELECT outputs FROM cache_records').all() as { outputs: string }[])
    for (const layer of layersOfOutputs(outputs)) marked.layers.add(layer);
  const used = store.prepare('SELECT id FROM layers WHERE last_used_at >= ?').all(options.usedSince);
  for (const { id } of used as { id: string }[]) marked.layers.add(id);
  const unpacked = store.prepare('SELECT key, layer FROM unpacked_layers').all();
  for (const { key, layer } of unpacked as { key: string; layer: string }[])
    if (diffIds.has(key as Digest)) marked.layers.add(layer);
  // Many layers in one, for mounting (`merged A B ...`): worth keeping while those are kept.
  for (const { key, layer } of unpacked as { key: string; layer: string }[])
    if (
      key.startsWith('merged ') &&
      key
        .split(' ')
        .slice(1)
        .every(part => marked.layers.has(part))
    )
      marked.layers.add(layer);

  const packed = store.prepare('SELECT layer, digest FROM layer_blobs').all();
  for (const { layer, digest } of packed as { layer: string; digest: Digest }[])
    if (marked.layers.has(layer)) marked.blobs.add(digest);
  return marked;
}

/** The layer ids in `cache_records.outputs`: a list for each output, or null. */
export function layersOfOutputs(json: string): string[] {
  const outputs = JSON.parse(json) as unknown;
  if (!Array.isArray(outputs)) return [];
  return outputs.flat().filter(layer => typeof layer === 'string');
}

/** What images consist of: their blobs, and the diffIDs of their layers. What is missing is passed over. */
export function referencesOf(
  blobs: BlobStore,
  images: readonly Descriptor[],
): { blobs: Set<Digest>; diffIds: Set<Digest> } {
  const found = { blobs: new Set<Digest>(), diffIds: new Set<Digest>() };
  for (const image of images) markBlob(blobs, image, found.blobs, found.diffIds);
  return found;
}

function markBlob(blobs: BlobStore, descriptor: Descriptor, marked: Set<Digest>, diffIds: Set<Digest>): void {
  if (!isDigest(descriptor.digest) || marked.has(descriptor.digest)) return;
  marked.add(descriptor.digest);
  const isIndex = isIndexType(descriptor.mediaType);
  if (!isIndex && !isManifestType(descriptor.mediaType)) return;
  const document = readLeniently(blobs, descriptor.digest);
  if (document === undefined) return;
  const children = (isIndex ? document.manifests : [document.config, ...asList(document.layers)]) ?? [];
  for (const child of asList(children)) if (isDescriptor(child)) markBlob(blobs, child, marked, diffIds);
  if (isIndex || !isDescriptor(document.config)) return;
  const config = readLeniently(blobs, document.config.digest);
  const rootfs = config?.rootfs as { diff_ids?: unknown } | undefined;
  for (const diffId of asList(rootfs?.diff_ids)) diffIds.add(diffId as Digest);
}

/** A document that is missing or damaged refers to nothing; collection is not what should fail on it. */
function readLeniently(blobs: BlobStore, digest: Digest): Record<string, unknown> | undefined {
  try {
    return readJson(blobs, digest);
  } catch (error) {
    if (error instanceof StagecraftError) return undefined;
    throw error;
  }
}

function isDescriptor(value: unknown): value is Descriptor {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Descriptor).digest === 'string' &&
    typeof (value as Descriptor).mediaType === 'string'
  );
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
