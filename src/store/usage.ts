import { readdirSync, statSync } from 'node:fs';
import { isErrno } from '../util/errors.ts';
import { Pace } from '../util/pace.ts';
import { blobsOf } from './blobs.ts';
import { listRecords } from './images.ts';
import { measure } from './measure.ts';
import { markReachable } from './reachable.ts';
import type { Store } from './store.ts';

/** One kind of thing in the store. Sizes are bytes on disk. */
export interface Usage {
  kind: 'images' | 'layers' | 'cache mounts' | 'packages' | 'downloads' | 'repositories' | 'unfinished';
  count: number;
  size: number;
  /** What `prune` would free now; with `--all` it may be more. */
  reclaimable: number;
}

/** What takes the room, for `stagecraft du`. */
export async function measureStore(store: Store, signal?: AbortSignal): Promise<Usage[]> {
  const blobs = blobsOf(store);
  const marked = store.transaction(() =>
    markReachable(store, blobs, { usedSince: Date.now(), keepUnpacked: true }),
  );
  const pace = new Pace(signal);
  const usages: Usage[] = [];

  let [size, reclaimable] = [0, 0];
  for (const name of entries(store.path('blobs/sha256'))) {
    if (pace.due) await pace.rest();
    const stat = statSync(store.path('blobs/sha256', name), { throwIfNoEntry: false });
    size += stat?.size ?? 0;
    if (!marked.blobs.has(`sha256:${name}`)) reclaimable += stat?.size ?? 0;
  }
  usages.push({ kind: 'images', count: listRecords(store).length, size, reclaimable });

  const layers = entries(store.path('layers'));
  [size, reclaimable] = [0, 0];
  for (const id of layers) {
    const bytes = await measureLayer(store, id, signal);
    size += bytes;
    if (!marked.layers.has(id)) reclaimable += bytes;
  }
  usages.push({ kind: 'layers', count: layers.length, size, reclaimable });

  for (const [kind, directory] of [
    ['cache mounts', 'mounts'],
    ['packages', 'packages'],
    ['downloads', 'downloads'],
    ['repositories', 'repositories'],
    ['unfinished', 'ingest'],
  ] as const) {
    const names = entries(store.path(directory));
    let bytes = 0;
    for (const name of names) bytes += await measure(store.path(directory, name), signal);
    // What is checked out of them is theirs.
    if (kind === 'repositories') bytes += await measure(store.path('checkouts'), signal);
    const isFree = kind === 'unfinished';
    const count = names.filter(name => name !== 'known_hosts').length;
    usages.push({ kind, count, size: bytes, reclaimable: isFree ? bytes : 0 });
  }
  return usages;
}

/** Bytes on disk of a layer: measured once, then remembered. */
export async function measureLayer(store: Store, id: string, signal?: AbortSignal): Promise<number> {
  const row = store.prepare('SELECT size FROM layers WHERE id = ?').get(id) as
    | { size: number | null }
    | undefined;
  if (typeof row?.size === 'number') return row.size;
  const size = await measure(store.path('layers', id), signal);
  if (row) store.prepare('UPDATE layers SET size = ? WHERE id = ?').run(size, id);
  return size;
}

/** Names in a directory of the store; none where it does not exist. */
export function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}
