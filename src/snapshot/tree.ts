import { constants, openSync, readlinkSync } from 'node:fs';
import { type ByteString, fsPath, textFromBytes } from '../util/bytes.ts';
import { StagecraftError } from '../util/errors.ts';
import { emptyRoot, readEntry } from './entry.ts';
import { imageXattrs, noXattrs } from './overlay.ts';
import type { Entry, EntryType, FileTree } from './types.ts';

/** Symlinks followed in one path at most, as the kernel has it: path_resolution(7). */
const maxLinks = 40;

/** A directory of a tree. `path` has no symlinks in it; that of the root is empty, others begin with a slash. */
export interface Directory {
  readonly path: ByteString;
}

/** Where a path leads. */
export interface Located<D extends Directory, N> {
  /** The innermost directory reached; for the root, and for it only, the place itself. */
  readonly parent: D;
  /** The name in it; empty for the root. */
  readonly name: ByteString;
  /** What is there; nothing for the root, and where there is nothing. */
  readonly node: N | undefined;
  /** What was left of the path, when it went on behind something that is absent or no directory. */
  readonly rest: readonly ByteString[];
}

/**
 * A file tree put together from directories on disk. It resolves paths as if the process were in a chroot at the
 * tree's root, step by step through {@link child} and {@link enter}, and never lets the kernel follow a symlink: the
 * paths it gives the kernel have none, and nobody else writes where it reads.
 */
export abstract class MergedTree<D extends Directory, N extends { readonly type: EntryType }>
  implements FileTree
{
  abstract readonly root: D;
  /** What a directory holds under a name. */
  abstract child(directory: D, name: ByteString): N | undefined;
  /** The directory that a node of type `directory` is. */
  abstract enter(directory: D, name: ByteString, node: N): D;
  /** Names in byte order. The caller does not change the list. */
  abstract names(directory: D): ByteString[];
  /** Where the node lies on disk. */
  abstract onDisk(directory: D, name: ByteString, node: N): ByteString;
  /** Where the root's own metadata lies on disk; nothing for an empty tree. */
  abstract rootOnDisk(): ByteString | undefined;
  abstract immutablePath(path: ByteString): ByteString | undefined;

  /** Directories by the paths they were asked for under, whatever symlinks these go through. */
  readonly #directories = new Map<ByteString, D>();

  lstat(path: ByteString): Entry | undefined {
    const found = this.locate(path, false);
    if (found.name === '') {
      const root = this.rootOnDisk();
      return root === undefined ? emptyRoot : readEntry(root);
    }
    if (found.node === undefined || found.rest.length > 0) return undefined;
    return readEntry(this.onDisk(found.parent, found.name, found.node));
  }

  resolve(path: ByteString): ByteString {
    const { parent, name, rest } = this.locate(path, true);
    const parts = parent.path.split('/').slice(1);
    if (name !== '') parts.push(name);
    // Behind what does not exist, `..` of a link's target is taken back in the text.
    for (const part of rest) {
      if (part === '..') parts.pop();
      else parts.push(part);
    }
    return `/${parts.join('/')}`;
  }

  list(path: ByteString): ByteString[] {
    const directory = this.directoryAt(path);
    if (directory === undefined)
      throw new StagecraftError('not-found', `${textFromBytes(path)} is not a directory.`);
    return this.names(directory);
  }

  readlink(path: ByteString): ByteString {
    return readlinkSync(fsPath(this.#existing(path, 'symlink', 'a symbolic link')), 'latin1');
  }

  open(path: ByteString): number {
    const file = this.#existing(path, 'file', 'a regular file');
    return openSync(fsPath(file), constants.O_RDONLY | constants.O_NOFOLLOW);
  }

  xattrs(path: ByteString): ReadonlyMap<string, Uint8Array> {
    const disk = this.diskPath(path);
    return disk === undefined ? noXattrs : imageXattrs(disk);
  }

  /** Where the entry at a path, not followed, lies on disk. */
  protected diskPath(path: ByteString): ByteString | undefined {
    const { parent, name, node, rest } = this.locate(path, false);
    if (name === '') return this.rootOnDisk();
    return node === undefined || rest.length > 0 ? undefined : this.onDisk(parent, name, node);
  }

  /** The directory at a path, symlinks followed in the last part too. */
  directoryAt(path: ByteString): D | undefined {
    const known = this.#directories.get(path);
    if (known !== undefined) return known;
    const { parent, name, node, rest } = this.#walk(path, true);
    if (rest.length > 0 || (name !== '' && node?.type !== 'directory')) return undefined;
    const directory = name === '' ? parent : this.enter(parent, name, node!);
    this.#directories.set(path, directory);
    return directory;
  }

  /** Finds a path; `follow` says whether a symlink in its last part is followed too. */
  locate(path: ByteString, follow: boolean): Located<D, N> {
    const slash = path.lastIndexOf('/');
    const name = path.slice(slash + 1);
    if (name !== '' && name !== '.' && name !== '..') {
      const parent = slash <= 0 ? this.root : this.directoryAt(path.slice(0, slash));
      if (parent !== undefined) {
        const node = this.child(parent, name);
        if (node?.type !== 'symlink' || !follow) return { parent, name, node, rest: nothing };
      }
    }
    return this.#walk(path, follow);
  }

  /** Forgets how paths resolve, after a directory or a symlink was replaced. */
  protected forgetDirectories(): void {
    this.#directories.clear();
  }

  #walk(path: ByteString, follow: boolean): Located<D, N> {
    const pending = path.split('/').reverse();
    let above: { directory: D; name: ByteString; node: N }[] = [];
    let links = 0;
    let directory = this.root;
    while (pending.length > 0) {
      const part = pending.pop()!;
      if (part === '' || part === '.') continue;
      if (part === '..') {
        directory = above.pop()?.directory ?? this.root;
        continue;
      }
      const node = this.child(directory, part);
      const isLast = pending.every(each => each === '' || each === '.');
      if (node?.type === 'symlink' && (!isLast || follow)) {
        if (++links > maxLinks)
          throw new StagecraftError(
            'confined',
            `${textFromBytes(path)} leads through a loop of symbolic links, or more than ${maxLinks} of them.`,
          );
        const target = readlinkSync(fsPath(this.onDisk(directory, part, node)), 'latin1');
        if (target.startsWith('/')) {
          directory = this.root;
          above = [];
        }
        pending.push(...target.split('/').reverse());
      } else if (node?.type === 'directory') {
        above.push({ directory, name: part, node });
        directory = this.enter(directory, part, node);
      } else {
        const rest = pending.reverse().filter(each => each !== '' && each !== '.');
        return { parent: directory, name: part, node, rest };
      }
    }
    const last = above.at(-1);
    if (last === undefined) return { parent: this.root, name: '', node: undefined, rest: nothing };
    return { parent: last.directory, name: last.name, node: last.node, rest: nothing };
  }

  #existing(path: ByteString, type: EntryType, what: string): ByteString {
    const { parent, name, node, rest } = this.locate(path, false);
    if (node?.type !== type || rest.length > 0)
      throw new StagecraftError('not-found', `${textFromBytes(path)} is not ${what}.`);
    return this.onDisk(parent, name, node);
  }
}

const nothing: readonly ByteString[] = [];

/** Joins a directory's path and a name. */
export function join(directory: ByteString, name: ByteString): ByteString {
  return `${directory}/${name}`;
}

/** Byte order, which for byte strings is the order of their characters. */
export function sortNames(names: ByteString[]): ByteString[] {
  return names.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}
