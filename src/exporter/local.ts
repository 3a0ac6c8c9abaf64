import {
  chmodSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { resolve } from 'node:path';
import type { Entry, FileTree } from '../snapshot/types.ts';
import { copyRange } from '../syscall/copy.ts';
import { makeNode } from '../syscall/nodes.ts';
import { setTimes } from '../syscall/times.ts';
import { setXattr } from '../syscall/xattrs.ts';
import { type ByteString, bytesFromText, fsPath, textFromBytes } from '../util/bytes.ts';
import { makeDirectories } from '../util/directories.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';
import { Pace } from '../util/pace.ts';
import { cannotWrite } from './destination.ts';
import type { TreeOptions } from './tar.ts';
import { fileTime, type TreeToWrite, walkTree } from './tree.ts';

export interface LocalOptions extends TreeOptions {
  /** `delete` removes what the directory has and the tree has not. */
  mode?: 'copy' | 'delete' | undefined;
}

/** What could not be written as it is in the image. */
export interface LocalReport {
  /** Paths of device files, which only root can make. */
  skipped: string[];
}

/**
 * Writes root file systems into a directory, `-o DIR`: each file is complete when it appears, what is there already is
 * replaced, and all belongs to the user who runs this. No symlink in the directory is followed.
 * @throws StagecraftError `usage` where the destination is no directory; `io`
 */
export async function writeLocal(
  trees: readonly TreeToWrite[],
  dest: string,
  options: LocalOptions = {},
): Promise<LocalReport> {
  const top = bytesFromText(resolve(dest));
  const skipped: string[] = [];
  try {
    makeDirectories(resolve(dest));
    if (options.mode === 'delete') removeOthers(top, namesAtTop(trees));
    for (const { tree, prefix, added = [] } of trees) {
      const root = prefix === undefined ? top : `${top}/${prefix}`;
      if (prefix !== undefined) makeDirectory(root);
      const beside = prefix === undefined ? trees.map(each => each.tree) : [tree];
      skipped.push(...(await new LocalWriter(tree, beside, root === '/' ? '' : root, options).write()));
      for (const { name, content } of added)
        replace(`${root === '/' ? '' : root}/${name}`, temporary => {
          writeFileSync(fsPath(temporary), content, { mode: 0o600, flag: 'wx' });
          if (options.epoch !== undefined) setTimes(temporary, BigInt(options.epoch) * 1_000_000_000n);
        });
    }
  } catch (error) {
    if (
      isErrno(error, 'ENOTDIR', 'EEXIST') &&
      !lstatSync(fsPath(top), { throwIfNoEntry: false })?.isDirectory()
    )
      throw new StagecraftError('usage', `The destination ${dest} is not a directory.`, { cause: error });
    throw cannotWrite(dest, error);
  }
  return { skipped };
}

class LocalWriter {
  readonly #tree: FileTree;
  /** All trees that go into the same directory, this one too. */
  readonly #beside: readonly FileTree[];
  readonly #root: ByteString;
  readonly #options: LocalOptions;

  constructor(tree: FileTree, beside: readonly FileTree[], root: ByteString, options: LocalOptions) {
    this.#tree = tree;
    this.#beside = beside;
    this.#root = root;
    this.#options = options;
  }

  /** Returns the paths that were skipped. */
  async write(): Promise<string[]> {
    const pace = new Pace(this.#options.signal);
    const skipped: string[] = [];
    // Times and modes of directories come last: writing into them changes the one and may need the other.
    const directories: [path: ByteString, entry: Entry][] = [];
    for (const { path, entry, linkOf } of walkTree(this.#tree)) {
      if (pace.due) await pace.rest();
      const to = this.#root + path;
      if (entry.type === 'directory') {
        makeDirectory(to);
        directories.push([path, entry]);
        if (this.#options.mode === 'delete') removeOthers(to, this.#namesIn(path));
      } else if (linkOf !== undefined) {
        replace(to, temporary => linkSync(fsPath(this.#root + linkOf), fsPath(temporary)));
      } else if (!this.#writeEntry(path, to, entry)) skipped.push(textFromBytes(path));
    }
    for (const [path, entry] of directories.reverse()) this.#finish(path, this.#root + path, entry);
    return skipped;
  }

  #namesIn(path: ByteString): Set<ByteString> {
    const trees = this.#beside.filter(tree => tree.lstat(path)?.type === 'directory');
    return new Set(trees.flatMap(tree => tree.list(path)));
  }

  /** False for a device that this user must not make. */
  #writeEntry(from: ByteString, to: ByteString, entry: Entry): boolean {
    if (entry.type === 'file') replace(to, temporary => this.#copy(from, temporary, entry));
    else if (entry.type === 'symlink')
      replace(to, temporary => {
        symlinkSync(fsPath(this.#tree.readlink(from)), fsPath(temporary));
        setTimes(temporary, fileTime(entry, this.#options.epoch));
      });
    else {
      const type = entry.type as 'char' | 'block' | 'fifo';
      try {
        replace(to, temporary => {
          makeNode(temporary, type, 0o600, entry.rdev.major, entry.rdev.minor);
          this.#finish(from, temporary, entry);
        });
      } catch (error) {
        if (isErrno(error, 'EPERM')) return false;
        throw error;
      }
    }
    return true;
  }

  #copy(from: ByteString, to: ByteString, entry: Entry): void {
    const source = this.#tree.open(from);
    try {
      const target = openSync(fsPath(to), 'wx', 0o600);
      try {
        copyRange(source, target);
      } finally {
        closeSync(target);
      }
    } finally {
      closeSync(source);
    }
    this.#finish(from, to, entry);
  }

  #finish(from: ByteString, to: ByteString, entry: Entry): void {
    for (const [name, value] of this.#tree.xattrs(from))
      try {
        setXattr(to, name, value);
      } catch (error) {
        // What this user or that file system cannot keep does not stop the export, as in BuildKit.
        if (!isErrno(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL', 'ENOSPC', 'E2BIG')) throw error;
      }
    chmodSync(fsPath(to), entry.mode);
    setTimes(to, fileTime(entry, this.#options.epoch));
  }
}

/** Makes something under a name of its own, then moves it over what is there. */
function replace(path: ByteString, make: (temporary: ByteString) => void): void {
  const temporary = `${path.slice(0, path.lastIndexOf('/') + 1)}.stagecraft-${process.pid}.tmp`;
  try {
    make(temporary);
    if (lstatSync(fsPath(path), { throwIfNoEntry: false })?.isDirectory())
      rmSync(fsPath(path), { recursive: true });
    renameSync(fsPath(temporary), fsPath(path));
  } finally {
    // Also where all went well: of two names of one file, rename(2) leaves both.
    rmSync(fsPath(temporary), { force: true });
  }
}

/** A directory that this user can write into, in place of whatever else was there. */
function makeDirectory(path: ByteString): void {
  const present = lstatSync(fsPath(path), { throwIfNoEntry: false });
  if (present?.isDirectory()) {
    if ((present.mode & 0o700) !== 0o700) chmodSync(fsPath(path), present.mode | 0o700);
    return;
  }
  if (present) rmSync(fsPath(path), { force: true });
  mkdirSync(fsPath(path), { mode: 0o700 });
}

function namesAtTop(trees: readonly TreeToWrite[]): Set<ByteString> {
  return new Set(
    trees.flatMap(({ tree, prefix, added = [] }) =>
      prefix === undefined ? [...tree.list('/'), ...added.map(({ name }) => name)] : [prefix],
    ),
  );
}

function removeOthers(directory: ByteString, kept: ReadonlySet<ByteString>): void {
  for (const name of readdirSync(fsPath(directory), { encoding: 'latin1' }))
    if (!kept.has(name)) rmSync(fsPath(`${directory}/${name}`), { recursive: true, force: true });
}
