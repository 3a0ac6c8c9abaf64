import { closeSync, readSync } from 'node:fs';
import type { FileTree } from '../snapshot/types.ts';
import type { ByteString } from '../util/bytes.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';

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

/**
 * What looking at a tree gives; nothing where what is there cannot be looked at, which is not for a check to report.
 * @throws the error of a layer that this user may not read: then nothing can be told of the image at all
 */
export function looking<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (isErrno(error, 'EACCES', 'EPERM')) throw error;
    if (error instanceof StagecraftError || (error instanceof Error && 'code' in error)) return undefined;
    throw error;
  }
}
