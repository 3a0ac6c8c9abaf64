import { lstatSync, readdirSync } from 'node:fs';
import { isErrno } from '../util/errors.ts';
import { Pace } from '../util/pace.ts';

/**
 * Bytes on disk of a file or of a directory with all below it. Of a file with several names only its share counts, so
 * that the sum over layers that link to each other is what they take together. What goes away meanwhile is passed over.
 */
export async function measure(path: string, signal?: AbortSignal): Promise<number> {
  const pace = new Pace(signal);
  const waiting: Buffer[] = [Buffer.from(path)];
  let bytes = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (pace.due) await pace.rest();
    try {
      const stat = lstatSync(next);
      bytes += (stat.blocks * 512) / (stat.isDirectory() ? 1 : stat.nlink);
      if (!stat.isDirectory()) continue;
      for (const name of readdirSync(next, { encoding: 'buffer' }))
        waiting.push(Buffer.concat([next, slash, name]));
    } catch (error) {
      if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
    }
  }
  return Math.round(bytes);
}

const slash = Buffer.from('/');
