import { entries } from './entries.ts';
import type { Store } from './store.ts';

/** Whether a request is remembered that brought the file of this name in `downloads/`. */
export function isKnownDownload(store: Store, name: string): boolean {
  return store.prepare('SELECT 1 FROM downloads WHERE digest = ?').get(`sha256:${name}`) !== undefined;
}

/** Forgets downloads whose files are gone. */
export function forgetDownloads(store: Store): void {
  store.transaction(() => {
    const there = new Set(entries(store.path('downloads')));
    const rows = store.prepare('SELECT DISTINCT digest FROM downloads').all() as { digest: string }[];
    for (const { digest } of rows)
      if (!there.has(digest.slice('sha256:'.length)))
        store.prepare('DELETE FROM downloads WHERE digest = ?').run(digest);
  });
}
