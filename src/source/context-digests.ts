import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Entry } from '../snapshot/types.ts';
import type { Store } from '../store/store.ts';
import type { ByteString } from '../util/bytes.ts';
import { DigestTable } from './digest-table.ts';
import type { FileData } from './types.ts';

/** Longer than the clock that file times are taken from stands still: a tick of 10 ms at most. */
const tickNs = 50_000_000n;
/** The same for file systems that keep seconds, or FAT's pairs of seconds. */
const coarseTickNs = 2_100_000_000n;

/**
 * Digests of a build context's files, kept in the store between builds: a file whose size, times and inode number are
 * as they were is not read again.
 */
export class ContextDigests {
  readonly #file: string | undefined;
  readonly #table: DigestTable;
  /** Files changed so shortly before they were hashed that a later change might leave the same times. */
  readonly #unsettled = new Set<ByteString>();
  #changed = false;

  private constructor(file: string | undefined, table: DigestTable) {
    this.#file = file;
    this.#table = table;
  }

  /** What is known of the context at this absolute path, free of symlinks. */
  static open(store: Store, root: string): ContextDigests {
    const file = store.path('contexts', createHash('sha256').update(root).digest('hex').slice(0, 32));
    return new ContextDigests(file, DigestTable.load(file));
  }

  /** Knows nothing and keeps nothing. */
  static none(): ContextDigests {
    return new ContextDigests(undefined, DigestTable.empty());
  }

  find(path: ByteString, entry: Entry): FileData | undefined {
    const row = this.#table.find(path);
    if (row < 0 || !this.#table.unchanged(row, entry)) return undefined;
    return {
      sha256: this.#table.data(row),
      attributes: this.#table.attributes(row),
      settled: !this.#unsettled.has(path),
    };
  }

  /**
   * Remembers what a file's data hashed to. `readAt` is the wall clock in milliseconds before the file was opened:
   * a file changed in the same tick could change once more without a trace in its times (the "racy" entries of git's
   * index), so it is remembered for this process only.
   */
  learn(path: ByteString, entry: Entry, data: Omit<FileData, 'settled'>, readAt: number): FileData {
    this.#table.set(path, {
      size: entry.size,
      mtimeNs: entry.mtimeNs,
      ctimeNs: entry.ctimeNs,
      ino: entry.ino,
      mode: entry.mode,
      uid: entry.uid,
      gid: entry.gid,
      attributes: data.attributes,
      data: data.sha256,
    });
    const tick = entry.ctimeNs % 1_000_000n === 0n ? coarseTickNs : tickNs;
    const settled = BigInt(Math.floor(readAt)) * 1_000_000n - tick;
    const isSettled = entry.ctimeNs <= settled && entry.mtimeNs <= settled;
    if (isSettled) this.#unsettled.delete(path);
    else this.#unsettled.add(path);
    this.#changed = true;
    return { ...data, settled: isSettled };
  }

  /** Writes what was learnt, without the files that are gone. */
  save(isGone: (path: ByteString) => boolean): void {
    if (this.#file === undefined || !this.#changed) return;
    mkdirSync(dirname(this.#file), { recursive: true });
    this.#table.keep(this.#file, path => !this.#unsettled.has(path) && !isGone(path));
    this.#changed = false;
  }
}
