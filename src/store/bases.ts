import type { Descriptor } from '../image/types.ts';
import type { Digest } from '../util/digest.ts';
import type { Store } from './store.ts';

interface Row {
  digest: Digest;
  media_type: string;
  size: number;
}

/**
 * What a registry said a name stands for. Builds start from it without asking again, until the name is asked for anew
 * or collection takes it, as it takes the rest of the build cache.
 */
export function rememberBase(store: Store, name: string, { digest, mediaType, size }: Descriptor): void {
  store
    .prepare('INSERT OR REPLACE INTO bases VALUES (?, ?, ?, ?, ?)')
    .run(name, digest, mediaType, size, Date.now());
}

/** The base image by its full name, or by its digest under any name. */
export function recallBase(store: Store, name: string, digest?: Digest): Descriptor | undefined {
  const row = store
    .prepare(
      'UPDATE bases SET last_used_at = ? WHERE name = ? OR digest = ? RETURNING digest, media_type, size',
    )
    .get(Date.now(), name, digest ?? null) as unknown as Row | undefined;
  return row && { digest: row.digest, mediaType: row.media_type, size: row.size };
}

/** All of them, by full name. */
export function listBases(store: Store): { readonly name: string; readonly descriptor: Descriptor }[] {
  const rows = store.prepare('SELECT name, digest, media_type, size FROM bases ORDER BY name').all();
  return (rows as unknown as (Row & { name: string })[]).map(({ name, digest, media_type, size }) => ({
    name,
    descriptor: { digest, mediaType: media_type, size },
  }));
}

/** Forgets a base image under all its names. */
export function forgetBase(store: Store, digest: Digest): void {
  store.prepare('DELETE FROM bases WHERE digest = ?').run(digest);
}
