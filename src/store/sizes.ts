import { lstatSync, type Stats } from 'node:fs';
import { Pace } from '../util/pace.ts';
import { entries } from './entries.ts';
import { oldestLease } from './leases.ts';
import { measure } from './measure.ts';
import type { Store } from './store.ts';

/** The directories of the store whose entries are things of their own. */
export const itemDirectories = [
  'blobs/sha256',
  'layers',
  'mounts',
  'packages',
  'downloads',
  'repositories',
  'checkouts',
  'contexts',
  'osv',
  'ingest',
] as const;

/** Sizes by path in the store, such as `layers/3f2a`, in bytes on disk. All else is `''`: the database, and the directories. */
export type Sizes = ReadonlyMap<string, number>;

/**
 * Measures everything in the store. With `remembered` what did not change since it was measured last is not looked at
 * again; then files that layers share may count more than once, so that the sum is rather too large.
 */
export async function measureItems(
  store: Store,
  options: { remembered?: boolean; signal?: AbortSignal | undefined } = {},
): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  const memory = new SizeMemory(store, options.remembered ?? false);
  const pace = new Pace(options.signal);
  for (const directory of itemDirectories)
    for (const name of entries(store.path(directory))) {
      if (pace.due) await pace.rest();
      const path = `${directory}/${name}`;
      const stat = lstatSync(store.path(path), { throwIfNoEntry: false });
      if (stat === undefined) continue;
      let size = stat.isDirectory() ? memory.recall(path, stat) : (stat.blocks * 512) / stat.nlink;
      if (size === undefined) {
        ({ size } = await measure(store.path(path), options.signal));
        memory.learn(path, stat, size);
      }
      sizes.set(path, size);
    }
  memory.save(sizes);
  sizes.set('', await measureRest(store, options.signal));
  return sizes;
}

/** The sum of all sizes. */
export function totalOf(sizes: Sizes): number {
  let total = 0;
  for (const size of sizes.values()) total += size;
  return total;
}

/** The database, what stands beside it, and the directories themselves. */
async function measureRest(store: Store, signal?: AbortSignal): Promise<number> {
  const blocks = (path: string): number =>
    (lstatSync(store.path(path), { throwIfNoEntry: false })?.blocks ?? 0) * 512;
  let size = blocks('') + blocks('blobs');
  for (const directory of itemDirectories) size += blocks(directory);
  const parents = new Set(itemDirectories.map(directory => directory.split('/')[0]!));
  for (const name of entries(store.root))
    if (!parents.has(name)) size += (await measure(store.path(name), signal)).size;
  return size;
}

/** What directories measured to when they last changed: table `sizes`. */
class SizeMemory {
  readonly #store: Store;
  readonly #known = new Map<string, { size: number; stamp: number }>();
  readonly #uses = new Map<string, number>();
  readonly #learned = new Map<string, { size: number; stamp: number }>();
  readonly #settledBefore: number;

  constructor(store: Store, remembered: boolean) {
    this.#store = store;
    this.#settledBefore = store.transaction(() => oldestLease(store));
    const uses = store.prepare('SELECT directory, last_used_at FROM cache_mounts').all();
    for (const { directory, last_used_at } of uses as { directory: string; last_used_at: number }[])
      this.#uses.set(`mounts/${directory}`, last_used_at);
    if (!remembered) return;
    for (const row of store.prepare('SELECT path, size, stamp FROM sizes').all() as unknown as {
      path: string;
      size: number;
      stamp: number;
    }[])
      this.#known.set(row.path, row);
  }

  recall(path: string, stat: Stats): number | undefined {
    const known = this.#known.get(path);
    return known !== undefined && known.stamp === this.#stamp(path, stat) ? known.size : undefined;
  }

  learn(path: string, stat: Stats, size: number): void {
    const stamp = this.#stamp(path, stat);
    // What a living process may still be writing to has no size to be remembered.
    if (stamp !== undefined && stamp < this.#settledBefore) this.#learned.set(path, { size, stamp });
  }

  save(there: Sizes): void {
    const gone = [...this.#known.keys()].filter(path => !there.has(path));
    if (gone.length === 0 && this.#learned.size === 0) return;
    this.#store.transaction(() => {
      for (const path of gone) this.#store.prepare('DELETE FROM sizes WHERE path = ?').run(path);
      const insert = this.#store.prepare('INSERT OR REPLACE INTO sizes VALUES (?, ?, ?)');
      for (const [path, { size, stamp }] of this.#learned) insert.run(path, size, stamp);
    });
  }

  /** Changes whenever the content may have; nothing for what is being written. Layers never change. */
  #stamp(path: string, stat: Stats): number | undefined {
    if (path.startsWith('layers/')) return 0;
    if (path.startsWith('ingest/')) return undefined;
    if (path.startsWith('mounts/')) return this.#uses.get(path);
    return Math.floor(stat.mtimeMs);
  }
}
