import { lstatSync, readdirSync } from 'node:fs';
import { isErrno } from '../util/errors.ts';
import { Pace } from '../util/pace.ts';

/** What a file or a directory takes on the disk, in bytes. */
export interface Measure {
  /**
   * Of a file with several names only its share counts, so that the sum over layers that link to each other is what
   * they take together.
   */
  readonly size: number;
  /** What would be free if it were removed: nothing of files that have a name elsewhere. */
  readonly own: number;
}

/** Bytes on disk of a file or of a directory with all below it. What goes away meanwhile is passed over. */
export async function measure(path: string, signal?: AbortSignal): Promise<Measure> {
  const pace = new Pace(signal);
  const waiting: Buffer[] = [Buffer.from(path)];
  /** How many names are still to be seen, by inode. */
  const linked = new Map<number, number>();
  let [size, own] = [0, 0];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (pace.due) await pace.rest();
    try {
      const stat = lstatSync(next);
      const bytes = stat.blocks * 512;
      const isDirectory = stat.isDirectory();
      const names = isDirectory ? 1 : stat.nlink;
      size += bytes / names;
      const left = names === 1 ? 0 : (linked.get(stat.ino) ?? names) - 1;
      if (left === 0) own += bytes;
      if (names > 1) linked.set(stat.ino, left);
      if (!isDirectory) continue;
      for (const name of readdirSync(next, { encoding: 'buffer' }))
        waiting.push(Buffer.concat([next, slash, name]));
    } catch (error) {
      if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
    }
  }
  return { size: Math.round(size), own };
}

const slash = Buffer.from('/');
