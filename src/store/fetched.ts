import type { Store } from './store.ts';
import { entries } from './usage.ts';

/** Where it lies. */
export const fetchedDirectories = ['downloads', 'repositories', 'checkouts'];

/** Removes what is in a directory of the store, was not used since a time, and that nothing needs. */
export type SweepDirectory = (
  directory: string,
  isNeeded: (name: string) => boolean,
  before?: number,
) => Promise<unknown>;

/**
 * Sweeps what was fetched over the network and can be fetched again: downloads, repositories, and what was checked out
 * of those.
 * @param before takes what was last used before then, in milliseconds since the epoch; without it only what nothing
 * refers to
 */
export async function sweepFetched(store: Store, sweep: SweepDirectory, before?: number): Promise<void> {
  const known = store.prepare('SELECT 1 FROM downloads WHERE digest = ?');
  const isKnown = (name: string): boolean => known.get(`sha256:${name}`) !== undefined;
  await sweep('downloads', name => before === undefined && isKnown(name), before);
  if (before === undefined) return;
  await sweep('checkouts', () => false, before);
  // Whom SSH trusts since it saw them first is nothing to be fetched again.
  await sweep('repositories', name => name === 'known_hosts', before);
  forgetDownloads(store);
}

/** Forgets downloads whose files are gone. */
function forgetDownloads(store: Store): void {
  store.transaction(() => {
    const there = new Set(entries(store.path('downloads')));
    const rows = store.prepare('SELECT DISTINCT digest FROM downloads').all() as { digest: string }[];
    for (const { digest } of rows)
      if (!there.has(digest.slice('sha256:'.length)))
        store.prepare('DELETE FROM downloads WHERE digest = ?').run(digest);
  });
}
