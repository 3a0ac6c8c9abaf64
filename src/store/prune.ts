import { renameSync, rmSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { ingestPath } from '../content/ingest.ts';
import type { Digest } from '../util/digest.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';
import { Pace } from '../util/pace.ts';
import { forgetBases } from './bases.ts';
import { blobsOf } from './blobs.ts';
import { fetchedDirectories, sweepFetched } from './fetched.ts';
import { writeIndex } from './images.ts';
import { oldestLease } from './leases.ts';
import { forgetDeadLocks } from './locks.ts';
import { measure } from './measure.ts';
import { sweepPresence } from './processes.ts';
import { layersOfOutputs, markReachable, type Reachable } from './reachable.ts';
import type { Store } from './store.ts';
import { entries, measureLayer } from './usage.ts';

/** What to remove beyond what nothing refers to. Named images always stay. */
export interface PruneOptions {
  /** Also the whole build cache, cache mounts, whatever was downloaded, and unpacked layers of images. */
  all?: boolean | undefined;
  /** Only what was last used before: milliseconds since the epoch. Without `all` this takes the build cache in too. */
  until?: number | undefined;
  /** Take away build cache, that not used for longest first, until the store has at most so many bytes. */
  keepStorage?: number | undefined;
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
}

const defaultMargin = 50;

/**
 * Removes what nothing needs, by mark and sweep. Safe beside running builds: whatever a living process used since it
 * took its lease stays, and records go, in one transaction, before the files they speak of.
 */
export async function pruneStore(store: Store, options: PruneOptions = {}): Promise<Pruned> {
  const blobs = blobsOf(store);
  const expired =
    options.keepStorage === undefined ? [] : await chooseOldest(store, options.keepStorage, options.signal);
  const pruned: Pruned = { images: 0, blobs: 0, layers: 0, cacheRecords: 0, cacheMounts: 0, freed: 0 };
  const { marked, inUse, mounts } = store.transaction(() => {
    forgetDeadLocks(store);
    const inUse = oldestLease(store) - (options.margin ?? defaultMargin);
    const cut = Math.min(inUse, options.until ?? Number.POSITIVE_INFINITY);
    pruned.images = dropUntaggedImages(store, cut);
    if (options.all || options.until !== undefined) {
      const dropped = store.prepare('DELETE FROM cache_records WHERE last_used_at < ?').run(cut);
      pruned.cacheRecords += Number(dropped.changes);
      forgetBases(store, cut);
    }
    for (const key of expired) {
      const dropped = store
        .prepare('DELETE FROM cache_records WHERE key = ? AND last_used_at < ?')
        .run(key, cut);
      pruned.cacheRecords += Number(dropped.changes);
    }
    const marked = markReachable(store, blobs, { usedSince: inUse, keepUnpacked: !options.all });
    dropLayers(store, marked);
    const mounts = options.all ? dropMounts(store, cut) : [];
    pruned.cacheMounts = mounts.length;
    return { marked, inUse, mounts };
  });

  const sweeper = new Sweeper(store, inUse, options.signal);
  pruned.blobs = await sweeper.sweepBlobs(marked.blobs);
  pruned.layers = await sweeper.sweepLayers();
  for (const aside of mounts) await sweeper.delete(aside);
  await sweeper.sweepStale('mounts', name => isMount(store, name));
  if (options.all) for (const directory of ['packages', 'contexts']) await sweeper.sweepStale(directory);
  const isCacheToo = options.all || options.until !== undefined;
  await sweepFetched(
    store,
    (directory, isNeeded, before) => sweeper.sweepStale(directory, isNeeded, before),
    isCacheToo ? Math.min(inUse, options.until ?? Number.POSITIVE_INFINITY) : undefined,
  );
  await sweeper.sweepStale('ingest');
  sweepPresence(store);
  pruned.freed = sweeper.freed;
  return pruned;
}

/**
 * Removes blobs that nothing needs, and nothing else: for what an image leaves behind when its last name goes. Returns
 * the bytes freed.
 */
export async function sweepBlobs(store: Store, signal?: AbortSignal): Promise<number> {
  const { marked, inUse } = store.transaction(() => {
    const inUse = oldestLease(store) - defaultMargin;
    const marked = markReachable(store, blobsOf(store), { usedSince: inUse, keepUnpacked: true });
    // Layers stay, so what they know as their blobs stays too.
    for (const { digest } of store.prepare('SELECT digest FROM layer_blobs').all() as { digest: Digest }[])
      marked.blobs.add(digest);
    return { marked, inUse };
  });
  const sweeper = new Sweeper(store, inUse, signal);
  await sweeper.sweepBlobs(marked.blobs);
  return sweeper.freed;
}

/** Keys of the cache records to drop so that the store shrinks to `keep` bytes. */
async function chooseOldest(store: Store, keep: number, signal?: AbortSignal): Promise<string[]> {
  let total = 0;
  for (const directory of ['blobs', 'mounts', 'packages', 'ingest', ...fetchedDirectories])
    total += await measure(store.path(directory), signal);
  const records = store.prepare('SELECT key, outputs FROM cache_records ORDER BY last_used_at').all() as {
    key: string;
    outputs: string;
  }[];
  const users = new Map<string, number>();
  for (const { outputs } of records)
    for (const layer of new Set(layersOfOutputs(outputs))) users.set(layer, (users.get(layer) ?? 0) + 1);
  const sizes = new Map<string, number>();
  for (const id of entries(store.path('layers'))) {
    const size = await measureLayer(store, id, signal);
    sizes.set(id, size + packedSize(store, id));
    total += size;
  }
  const chosen: string[] = [];
  for (const { key, outputs } of records) {
    if (total <= keep) break;
    chosen.push(key);
    for (const layer of new Set(layersOfOutputs(outputs))) {
      const left = users.get(layer)! - 1;
      users.set(layer, left);
      if (left === 0) total -= sizes.get(layer) ?? 0;
    }
  }
  return chosen;
}

/** Bytes of the blobs of a layer; some may stay because an image has them too. */
function packedSize(store: Store, layer: string): number {
  const row = store.prepare('SELECT sum(size) AS bytes FROM layer_blobs WHERE layer = ?').get(layer);
  return (row as { bytes: number | null }).bytes ?? 0;
}

function dropUntaggedImages(store: Store, cut: number): number {
  const dropped = store.prepare('DELETE FROM images WHERE name = digest AND created_at < ?').run(cut);
  if (dropped.changes > 0) writeIndex(store);
  return Number(dropped.changes);
}

/**
 * Forgets cache mounts and moves their directories aside at once: their places are known beforehand, so that the next
 * build may make them anew. Returns where the directories are.
 */
function dropMounts(store: Store, cut: number): string[] {
  const rows = store.prepare('DELETE FROM cache_mounts WHERE last_used_at < ? RETURNING directory').all(cut);
  return (rows as { directory: string }[]).flatMap(
    row => moveAside(store, store.path('mounts', row.directory)) ?? [],
  );
}

/** Moves a file or directory out of its place; nothing where there is none. Returns where it is now. */
function moveAside(store: Store, path: string): string | undefined {
  const aside = ingestPath(store.root, 'trash');
  try {
    renameSync(path, aside);
    return aside;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function isMount(store: Store, name: string): boolean {
  return (
    store.prepare('SELECT 1 FROM cache_mounts WHERE directory IN (?, ?)').get(name, `mounts/${name}`) !==
    undefined
  );
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

/** Removes files that no record speaks of any more. */
class Sweeper {
  freed = 0;
  readonly #store: Store;
  /** What was written or used since then belongs to a living process. */
  readonly #inUse: number;
  readonly #pace: Pace;
  readonly #signal: AbortSignal | undefined;

  constructor(store: Store, inUse: number, signal?: AbortSignal) {
    this.#store = store;
    this.#inUse = inUse;
    this.#pace = new Pace(signal);
    this.#signal = signal;
  }

  /** Returns how many were removed. */
  async sweepBlobs(marked: ReadonlySet<Digest>): Promise<number> {
    const names = entries(this.#store.path('blobs/sha256')).filter(name => !marked.has(`sha256:${name}`));
    let count = 0;
    // Some at a time: others wait meanwhile to use theirs (see blobs.ts).
    for (let at = 0; at < names.length; at += 50) {
      if (this.#pace.due) await this.#pace.rest();
      this.#store.transaction(() => {
        for (const name of names.slice(at, at + 50)) if (this.#sweepBlob(name)) count += 1;
      });
    }
    return count;
  }

  #sweepBlob(name: string): boolean {
    const path = this.#store.path('blobs/sha256', name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined || stat.mtimeMs >= this.#inUse) return false;
    rmSync(path);
    this.freed += stat.blocks * 512;
    this.#store.prepare('DELETE FROM blob_contents WHERE digest = ?').run(`sha256:${name}`);
    this.#store.prepare('DELETE FROM layer_blobs WHERE digest = ?').run(`sha256:${name}`);
    return true;
  }

  /** Layer directories without a record: those just forgotten, and those a crash left before they had one. */
  async sweepLayers(): Promise<number> {
    const known = this.#store.prepare('SELECT 1 FROM layers WHERE id = ?');
    return this.sweepStale('layers', id => known.get(id) !== undefined);
  }

  /** Removes what is in a directory and that no living process made and nothing needs. Returns how many there were. */
  async sweepStale(
    directory: string,
    isNeeded: (name: string) => boolean = () => false,
    before = this.#inUse,
  ): Promise<number> {
    let count = 0;
    for (const name of entries(this.#store.path(directory))) {
      if (this.#pace.due) await this.#pace.rest();
      const path = this.#store.path(directory, name);
      // Moved before it is deleted: a removal that is cut short leaves no half of it in its place.
      const aside = this.#store.transaction(() =>
        isNeeded(name) || isFresh(path, before) ? undefined : moveAside(this.#store, path),
      );
      if (aside === undefined) continue;
      await this.delete(aside);
      count += 1;
    }
    return count;
  }

  /** Deletes what is in nobody's way any more, and counts what it took. */
  async delete(path: string): Promise<void> {
    this.freed += await measure(path, this.#signal);
    try {
      await rm(path, { recursive: true, force: true });
    } catch (error) {
      throw new StagecraftError('io', `Cannot remove ${path}: ${(error as Error).message}.`, {
        hint: 'Files of other users in a store are removed by the user whose builds made them.',
        cause: error,
      });
    }
  }
}

/** Judged by the inode's change time, which no user of the content can set back and a rename sets anew. */
function isFresh(path: string, since: number): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined || stat.ctimeMs >= since;
}
