import { renameSync } from 'node:fs';
import type { Store } from '../store/store.ts';
import { type Digest, digestHex } from '../util/digest.ts';
import { placeIn, usePlace } from './remote.ts';

/** A download that the store has, and what the server said of it. */
export interface DownloadRecord {
  readonly digest: Digest;
  /** The headers of the answer, where it had them. */
  readonly etag: string | null;
  readonly lastModified: string | null;
  readonly disposition: string | null;
  /** When the server last said that this is what it has, in milliseconds since the epoch. */
  readonly checkedAt: number;
}

/** How many contents of one address are remembered: behind one there may be servers that differ. */
const kept = 4;

/** Downloads by the request that brought them. */
export class DownloadRecords {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Where the content lies, or would. */
  path(digest: Digest): string {
    return placeIn(this.#store, 'downloads', digestHex(digest));
  }

  /** What is known of a request and still in the store, the newest first; from now on a collection spares it. */
  find(request: Digest): DownloadRecord[] {
    const rows = this.#store
      .prepare(
        `SELECT digest, etag, last_modified AS lastModified, disposition, checked_at AS checkedAt
         FROM downloads WHERE request = ? ORDER BY checked_at DESC`,
      )
      .all(request) as unknown as DownloadRecord[];
    return rows.filter(row => usePlace(this.#store, this.path(row.digest)));
  }

  /** Puts a verified file into its place, and remembers where it came from. */
  keep(request: Digest, record: DownloadRecord, file: string): void {
    this.#store.transaction(() => {
      renameSync(file, this.path(record.digest));
      usePlace(this.#store, this.path(record.digest));
      const { digest, etag, lastModified, disposition, checkedAt } = record;
      this.#store
        .prepare('INSERT OR REPLACE INTO downloads VALUES (?, ?, ?, ?, ?, ?)')
        .run(request, digest, etag, lastModified, disposition, checkedAt);
      this.#store
        .prepare(
          `DELETE FROM downloads WHERE request = ? AND digest NOT IN
             (SELECT digest FROM downloads WHERE request = ? ORDER BY checked_at DESC LIMIT ?)`,
        )
        .run(request, request, kept);
    });
  }

  /** Remembers that the server still has it. */
  confirm(request: Digest, digest: Digest): void {
    this.#store
      .prepare('UPDATE downloads SET checked_at = ? WHERE request = ? AND digest = ?')
      .run(Date.now(), request, digest);
  }
}
