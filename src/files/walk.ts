import { type Directory, MergedTree } from '../snapshot/tree.ts';
import type { EntryType, FileTree } from '../snapshot/types.ts';
import type { ByteString } from '../util/bytes.ts';
import { looking } from './read.ts';

/** An image has more entries than this only by mistake; what is beyond is not looked at. */
const most = 300_000;

/**
 * Goes through all names of a tree, directories before what is in them. Looks at nothing but the directories.
 * @param visit says of a directory whether to go into it
 * @returns false if there was too much to go through all
 */
export function walk(
  tree: FileTree,
  from: ByteString,
  visit: (path: ByteString, name: ByteString, type: EntryType) => boolean,
): boolean {
  const open = [from];
  let left = most;
  for (let path = open.pop(); path !== undefined && left > 0; path = open.pop()) {
    const at = path === '/' ? '' : path;
    const below: ByteString[] = [];
    for (const { name, type } of childrenOf(tree, path)) {
      left--;
      const each = `${at}/${name}`;
      if (visit(each, name, type) && type === 'directory') below.push(each);
    }
    // The first in byte order is the next.
    for (const each of below.reverse()) open.push(each);
  }
  return left > 0;
}

/** Layers know the types of what they hold without a look at each. */
function childrenOf(tree: FileTree, path: ByteString): { name: ByteString; type: EntryType }[] {
  const found = looking(() => {
    if (!(tree instanceof MergedTree))
      return tree.list(path).map(name => ({ name, type: typeAt(tree, path, name) }));
    const merged = tree as MergedTree<Directory, { type: EntryType }>;
    const directory = merged.directoryAt(path);
    if (directory === undefined) return [];
    return merged.names(directory).map(name => ({ name, type: merged.child(directory, name)!.type }));
  });
  return found ?? [];
}

function typeAt(tree: FileTree, directory: ByteString, name: ByteString): EntryType {
  return tree.lstat(directory === '/' ? `/${name}` : `${directory}/${name}`)?.type ?? 'file';
}

/** How much lies below a path. */
export interface Weight {
  readonly bytes: number;
  readonly files: number;
  /** False if there was too much to look at all of it. */
  readonly isWhole: boolean;
}

const budget = 50_000;

/** The sizes of all files at or below a path. */
export function weigh(tree: FileTree, path: ByteString): Weight {
  let bytes = 0;
  let files = 0;
  const add = (each: ByteString): void => {
    bytes += looking(() => tree.lstat(each))?.size ?? 0;
    files++;
  };
  if (looking(() => tree.lstat(path))?.type === 'file') add(path);
  else
    walk(tree, path, (each, _, type) => {
      if (type === 'file' && files < budget) add(each);
      return files < budget;
    });
  return { bytes, files, isWhole: files < budget };
}

/** A size for people: `19.5 MB`. */
export function sizeText({ bytes, isWhole }: Pick<Weight, 'bytes' | 'isWhole'>): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${isWhole ? '' : 'more than '}${value.toFixed(digits)} ${units[unit]}`;
}

/** `1 package`, `2 packages`. */
export function counted(packages: number): string {
  return `${packages} package${packages === 1 ? '' : 's'}`;
}
