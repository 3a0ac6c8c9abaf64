import { renameSync, rmSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { ingestPath } from '../content/ingest.ts';
import type { Digest } from '../util/digest.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';
import { Pace } from '../util/pace.ts';
import { entries } from './entries.ts';
import { measure } from './measure.ts';
import type { Store } from './store.ts';

/** Moves a file or directory out of its place; nothing where there is none. Returns where it is now. */
export function moveAside(store: Store, path: string): string | undefined {
  const aside = ingestPath(store.root, 'trash');
  try {
    renameSync(path, aside);
    return aside;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Removes files that no record speaks of any more. */
export class Sweeper {
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
    this.#store.prepare('DELETE FROM image_origins WHERE digest = ?').run(`sha256:${name}`);
    return true;
  }

  /** Layer directories without a record: those just forgotten, and those a crash left before they had one. */
  async sweepLayers(): Promise<number> {
    const known = this.#store.prepare('SELECT 1 FROM layers WHERE id = ?');
    return this.sweepStale('layers', id => known.get(id) !== undefined);
  }

  /** Removes what is in a directory and that no living process made and nothing needs. Returns how many there were. */
  async sweepStale(directory: string, isNeeded: (name: string) => boolean = () => false): Promise<number> {
    let count = 0;
    for (const name of entries(this.#store.path(directory))) {
      if (this.#pace.due) await this.#pace.rest();
      const path = this.#store.path(directory, name);
      // Moved before it is deleted: a removal that is cut short leaves no half of it in its place.
      const aside = this.#store.transaction(() =>
        isNeeded(name) || isFresh(path, this.#inUse) ? undefined : moveAside(this.#store, path),
      );
      if (aside === undefined) continue;
      await this.delete(aside);
      count += 1;
    }
    return count;
  }

  /** Deletes what is in nobody's way any more, and counts what it took. */
  async delete(path: string): Promise<void> {
    this.freed += (await measure(path, this.#signal)).own;
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
