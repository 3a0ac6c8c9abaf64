import { statfsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Digest } from '../util/digest.ts';
import { blobsOf } from './blobs.ts';
import { forgetDownloads, isKnownDownload } from './fetched.ts';
import { writeIndex } from './images.ts';
import { oldestLease } from './leases.ts';
import { forgetDeadLocks } from './locks.ts';
import { listOwners, type Owner, ownDirectories } from './owners.ts';
import { sweepPresence } from './processes.ts';
import { layersOfOutputs, markReachable, type Reachable } from './reachable.ts';
import { allowedSize, chooseOldest, type Filter, matches, type StorageLimits } from './selection.ts';
import { measureItems, type Sizes, totalOf } from './sizes.ts';
import type { Store } from './store.ts';
import { moveAside, Sweeper } from './sweep.ts';

/**
 * What to remove beyond what nothing refers to. Named images always stay. Without any of these only images without a
 * name go; conditions and limits take in the build cache and all downloads.
 */
export interface PruneOptions {
  /** Also the whole build cache, whatever was downloaded, and unpacked layers of images. */
  all?: boolean | undefined;
  /** Only what was last used before: milliseconds since the epoch. */
  until?: number | undefined;
  /** Only what all of these hold for. */
  filters?: readonly Filter[];
  /** Only as much as must go, that not used for longest first. */
  limits?: StorageLimits | undefined;
  /**
   * How much older than the oldest lease a file may look and still count as used under it, in milliseconds: file times
   * and `Date.now()` come from clocks that differ by up to 10. 50, unless given.
   */
  margin?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface Pruned {
  images: number;
  blobs: number;
  layers: number;
  cacheRecords: number;
  cacheMounts: number;
  /** Bytes on disk that are free again. */
  freed: number;
  /** What was removed because it was chosen, and not as what only that had needed. */
  removed: Owner[];
}

const defaultMargin = 50;
/** What goes may share files with what stays, so that less gets free than it seemed; then more has to go. */
const maxRounds = 8;

/**
 * Removes what nothing needs, by mark and sweep. Safe beside running builds: whatever a living process used since it
 * took its lease stays, and records go, in one transaction, before the files they speak of.
 */
export async function pruneStore(store: Store, options: PruneOptions = {}): Promise<Pruned> {
  const collection = new Collection(store, options);
  const { limits } = options;
  if (limits === undefined) {
    const isBroad = options.all || options.until !== undefined || (options.filters?.length ?? 0) > 0;
    await collection.run(candidates => candidates.filter(({ type }) => isBroad || type === 'image'));
    return collection.pruned;
  }
  await collection.run(() => []);
  for (let round = 0; round < maxRounds; round++) {
    const sizes = await measureItems(store, { signal: options.signal });
    const allowed = allowedRoom(store, sizes, limits);
    if (totalOf(sizes) <= allowed) break;
    const count = await collection.run((candidates, all) => chooseOldest(candidates, all, sizes, allowed));
    if (count === 0) break;
  }
  return collection.pruned;
}

/** How many bytes the store may have now. */
export function allowedRoom(store: Store, sizes: Sizes, limits: StorageLimits): number {
  const { bavail, bsize } = statfsSync(store.root);
  return allowedSize(totalOf(sizes), bavail * bsize, limits);
}

/**
 * Removes blobs that nothing needs, and nothing else: for what an image leaves behind when its last name goes. Returns
 * the bytes freed.
 * @param justNow also those that came in this very moment
 */
export async function sweepBlobs(
  store: Store,
  { justNow, signal }: { justNow?: boolean; signal?: AbortSignal } = {},
): Promise<number> {
  if (justNow) await sleep(2 * defaultMargin);
  const { marked, inUse } = store.transaction(() => {
    const inUse = oldestLease(store) - defaultMargin;
    const marked = markReachable(store, blobsOf(store), { usedSince: inUse });
    // Layers stay, so what they know as their blobs stays too.
    for (const { digest } of store.prepare('SELECT digest FROM layer_blobs').all() as { digest: Digest }[])
      marked.blobs.add(digest);
    return { marked, inUse };
  });
  const sweeper = new Sweeper(store, inUse, signal);
  await sweeper.sweepBlobs(marked.blobs);
  return sweeper.freed;
}

/** Picks what is to go. */
type Choose = (candidates: readonly Owner[], all: readonly Owner[]) => readonly Owner[];

class Collection {
  readonly pruned: Pruned = {
    images: 0,
    blobs: 0,
    layers: 0,
    cacheRecords: 0,
    cacheMounts: 0,
    freed: 0,
    removed: [],
  };
  readonly #store: Store;
  readonly #options: PruneOptions;

  constructor(store: Store, options: PruneOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Removes what is chosen, and all that nothing needs then. Returns how many were chosen. */
  async run(choose: Choose): Promise<number> {
    const store = this.#store;
    const { inUse, marked, aside, chosen } = store.transaction(() => this.#forget(choose));
    const sweeper = new Sweeper(store, inUse, this.#options.signal);
    const { pruned } = this;
    pruned.removed.push(...chosen);
    pruned.blobs += await sweeper.sweepBlobs(marked.blobs);
    const layers = await sweeper.sweepLayers();
    // What shared files with them takes more than it seemed.
    if (layers > 0) store.prepare("DELETE FROM sizes WHERE path LIKE 'layers/%'").run();
    pruned.layers += layers;
    for (const path of aside) await sweeper.delete(path);
    const isMount = store.prepare('SELECT 1 FROM cache_mounts WHERE directory IN (?, ?)');
    await sweeper.sweepStale('mounts', name => isMount.get(name, `mounts/${name}`) !== undefined);
    for (const directory of Object.values(ownDirectories)) {
      const doomed = new Set(chosen.flatMap(({ parts }) => parts));
      await sweeper.sweepStale(directory, name =>
        directory === 'downloads' && !isKnownDownload(store, name)
          ? false
          : !doomed.has(`${directory}/${name}`),
      );
    }
    forgetDownloads(store);
    await sweeper.sweepStale('ingest');
    sweepPresence(store);
    pruned.freed += sweeper.freed;
    return chosen.length;
  }

  /** Inside the transaction: takes the chosen ones out of the tables, and then what nothing refers to any more. */
  #forget(choose: Choose): {
    inUse: number;
    marked: Reachable;
    aside: string[];
    chosen: readonly Owner[];
  } {
    const store = this.#store;
    const { until = Number.POSITIVE_INFINITY, filters = [], margin = defaultMargin, all } = this.#options;
    forgetDeadLocks(store);
    const inUse = oldestLease(store) - margin;
    const owners = listOwners(store, !all);
    const cut = Math.min(inUse, until);
    const imageParts = new Set(owners.flatMap(({ type, parts }) => (type === 'image' ? parts : [])));
    const candidates = owners.filter(
      owner => !owner.isNamed && owner.lastUsedAt < cut && matches(owner, filters, imageParts),
    );
    const chosen = choose(candidates, owners);
    const aside = chosen.flatMap(owner => this.#drop(owner));
    if (chosen.some(({ type }) => type === 'image')) writeIndex(store);
    const marked = markReachable(store, blobsOf(store), { usedSince: inUse });
    dropLayers(store, marked);
    return { inUse, marked, aside, chosen };
  }

  /**
   * Forgets one. The directory of a cache mount moves aside at once: its place is known beforehand, so that the next
   * build may make it anew. Returns where it is.
   */
  #drop({ type, id, parts }: Owner): string[] {
    const drop = (table: string, column: string): unknown =>
      this.#store.prepare(`DELETE FROM ${table} WHERE ${column} = ?`).run(id);
    switch (type) {
      case 'image':
        drop('images', 'name');
        this.pruned.images += 1;
        return [];
      case 'base':
        drop('bases', 'name');
        return [];
      case 'unpacked':
        drop('unpacked_layers', 'layer');
        return [];
      case 'step':
        drop('cache_records', 'key');
        this.pruned.cacheRecords += 1;
        return [];
      case 'cache-mount':
        drop('cache_mounts', 'id');
        this.pruned.cacheMounts += 1;
        return parts.flatMap(part => moveAside(this.#store, this.#store.path(part)) ?? []);
      default:
        // Files have no rows that keep them; see run.
        return [];
    }
  }
}

/** Forgets layers that are not marked, with what is known of them. */
function dropLayers(store: Store, marked: Reachable): void {
  for (const { id } of store.prepare('SELECT id FROM layers').all() as { id: string }[])
    if (!marked.layers.has(id)) store.prepare('DELETE FROM layers WHERE id = ?').run(id);
  for (const { place, layers } of store.prepare('SELECT place, layers FROM previous_copies').all() as {
    place: string;
    layers: string;
  }[])
    if (layersOfOutputs(layers).some(layer => !marked.layers.has(layer)))
      store.prepare('DELETE FROM previous_copies WHERE place = ?').run(place);
}
