import type { FileTree } from '../snapshot/types.ts';
import { type ByteString, textFromBytes } from '../util/bytes.ts';
import { StagecraftError } from '../util/errors.ts';

/** As many as containerd follows before it calls a path a loop. */
const maxLinks = 255;

/** The directory that a clean absolute path lies in; `/` for `/`. */
export function parentOf(path: ByteString): ByteString {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}

/** {@link FileTree.resolve} for a tree that can tell what lies at a path without symlinks in its parents. */
export function resolvePath(tree: Pick<FileTree, 'lstat' | 'readlink'>, path: ByteString): ByteString {
  let real = '/';
  let links = 0;
  const parts = path.split('/').reverse();
  while (parts.length > 0) {
    const part = parts.pop()!;
    if (part === '' || part === '.') continue;
    if (part === '..') {
      real = parentOf(real);
      continue;
    }
    const next = real === '/' ? `/${part}` : `${real}/${part}`;
    if (tree.lstat(next)?.type !== 'symlink') {
      real = next;
      continue;
    }
    if (++links > maxLinks)
      throw new StagecraftError(
        'confined',
        `${textFromBytes(path)} leads through a loop of symbolic links, or more than ${maxLinks} of them.`,
      );
    const target = tree.readlink(next);
    if (target.startsWith('/')) real = '/';
    parts.push(...target.split('/').reverse());
  }
  return real;
}
