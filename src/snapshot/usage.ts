import { lstatSync, readdirSync } from 'node:fs';
import { type ByteString, bytesFromText, fsPath } from '../util/bytes.ts';
import { join } from './tree.ts';

/**
 * Bytes that a directory takes on disk. A file counts in full where it first occurs, though other layers may share it
 * by a hard link.
 */
export function diskUsage(dir: string): number {
  const seen = new Set<number>();
  const measure = (path: ByteString): number => {
    let bytes = 0;
    for (const entry of readdirSync(fsPath(path), { withFileTypes: true, encoding: 'latin1' })) {
      const each = join(path, entry.name);
      const stat = lstatSync(fsPath(each));
      if (stat.nlink > 1 && !stat.isDirectory()) {
        if (seen.has(stat.ino)) continue;
        seen.add(stat.ino);
      }
      bytes += stat.blocks * 512;
      if (entry.isDirectory()) bytes += measure(each);
    }
    return bytes;
  };
  return measure(bytesFromText(dir));
}
