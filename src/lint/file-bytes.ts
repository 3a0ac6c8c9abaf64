import { closeSync, readSync } from 'node:fs';
import type { FileTree } from '../snapshot/types.ts';
import type { ByteString } from '../util/bytes.ts';
import { looking } from './context-copies.ts';

/**
 * The first bytes of a regular file, symlinks followed within the tree; nothing where there is none.
 * @param limit how many at most
 */
export function readHead(tree: FileTree, path: ByteString, limit: number): Buffer | undefined {
  return looking(() => {
    const place = tree.resolve(path);
    if (tree.lstat(place)?.type !== 'file') return undefined;
    const fd = tree.open(place);
    try {
      return readAt(fd, 0, limit);
    } finally {
      closeSync(fd);
    }
  });
}

/** A text file that is not longer than the limit, in bytes; nothing if it is, or is not there. */
export function readText(tree: FileTree, path: ByteString, limit = 1 << 20): string | undefined {
  const bytes = readHead(tree, path, limit + 1);
  return bytes === undefined || bytes.length > limit ? undefined : bytes.toString();
}

/** Such a file as JSON; nothing if it is none. */
export function readJson(tree: FileTree, path: ByteString, limit = 8 << 20): unknown {
  const text = readText(tree, path, limit);
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Up to so many bytes of an open file; less at its end. */
export function readAt(fd: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let read = 0;
  while (read < length) {
    const count = readSync(fd, bytes, read, length - read, offset + read);
    if (count === 0) break;
    read += count;
  }
  return bytes.subarray(0, read);
}
