import { statfsSync, statSync } from 'node:fs';
import { tryLock } from './locks.ts';
import { allowedRoom, type Pruned, pruneStore } from './prune.ts';
import { allowedSize, type StorageLimits } from './selection.ts';
import { itemDirectories, measureItems, totalOf } from './sizes.ts';
import type { Store } from './store.ts';

/** Row of the table `properties`: what the store measured to, and what it looked like then. */
const property = 'measured';

/**
 * Automatic collection: where the store is larger than it may be, takes away what was not used for longest, unpacked
 * layers of images only if nothing else is left. A store that nothing was added to costs a few system calls. Returns
 * nothing where nothing had to be done, or another process is at it. Whoever calls it must have released its lease.
 */
export async function collectIfFull(
  store: Store,
  limits: StorageLimits,
  signal?: AbortSignal,
): Promise<Pruned | undefined> {
  if (await isWithin(store, limits, signal)) return undefined;
  const lock = tryLock(store, 'collection');
  if (lock === undefined) return undefined;
  try {
    const pruned = await pruneStore(store, { limits, signal });
    if (await isWithin(store, limits, signal)) return pruned;
    const more = await pruneStore(store, { limits, signal, all: true });
    return { ...pruned, freed: pruned.freed + more.freed, removed: [...pruned.removed, ...more.removed] };
  } finally {
    lock.release();
  }
}

async function isWithin(store: Store, limits: StorageLimits, signal?: AbortSignal): Promise<boolean> {
  const looks = describeLooks(store);
  const row = store.prepare('SELECT value FROM properties WHERE name = ?').get(property);
  const known = row && (JSON.parse(row.value as string) as { looks: string; total: number });
  if (known?.looks === looks) {
    const { bavail, bsize } = statfsSync(store.root);
    if (known.total <= allowedSize(known.total, bavail * bsize, limits)) return true;
  }
  // Remembered sizes are rather too large, so they suffice to say that there is room.
  const quick = await measureItems(store, { remembered: true, signal });
  const sizes =
    totalOf(quick) <= allowedRoom(store, quick, limits) ? quick : await measureItems(store, { signal });
  const total = totalOf(sizes);
  store
    .prepare('INSERT OR REPLACE INTO properties VALUES (?, ?)')
    .run(property, JSON.stringify({ looks, total }));
  return total <= allowedRoom(store, sizes, limits);
}

/** Something else as soon as anything was added, or a cache mount was used. */
function describeLooks(store: Store): string {
  const times = itemDirectories
    .filter(directory => directory !== 'ingest')
    .map(directory => statSync(store.path(directory), { throwIfNoEntry: false })?.ctimeMs ?? 0);
  const { used } = store.prepare('SELECT max(last_used_at) AS used FROM cache_mounts').get() as {
    used: number | null;
  };
  return [...times, used].join(' ');
}
