import { constants, openSync, readdirSync, readlinkSync } from 'node:fs';
import type { Entry } from '../snapshot/types.ts';
import { type ByteString, fsPath, textFromBytes } from '../util/bytes.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';
import { entryAt, entryFrom } from './context-entry.ts';
import { Descent } from './descent.ts';
import { type FilterState, PathFilter } from './filter.ts';
import { parentOf, resolvePath } from './paths.ts';

/** A directory of the context that was asked for. */
interface Directory {
  /** Free of symlinks. */
  readonly path: ByteString;
  readonly filter: FilterState;
  /** What is known of each name: nothing there, visible but not looked at yet, or its entry. */
  readonly entries: Map<ByteString, Entry | 'visible' | undefined>;
  names?: ByteString[];
}

type StatBeneath = typeof import('../syscall/stat.ts').statBeneath;
/** From how many entries on a faster way to look pays for loading it. */
const manyLooks = 500;

/**
 * The files of a build context as its patterns let them be seen. It reads only the directories that it is asked for,
 * each entry once, and reaches them through {@link Descent}, so that nothing leads out of the context.
 */
export class ContextFiles {
  readonly #root: string;
  readonly #descent: Descent;
  readonly #filter: PathFilter | undefined;
  readonly #directories = new Map<ByteString, Directory | undefined>();
  /** Targets of the symlinks that were read. */
  readonly #links = new Map<ByteString, ByteString>();
  readonly #rootEntry: Entry;
  #lastPath: ByteString | undefined;
  #lastEntry: Entry | undefined;
  /** How many entries were looked at. */
  #looks = 0;
  #statBeneath: StatBeneath | undefined;

  /** @throws StagecraftError `not-found` if there is no directory at `root` */
  constructor(root: string, includePatterns: readonly string[], excludePatterns: readonly string[]) {
    this.#root = root;
    try {
      this.#descent = new Descent(root);
    } catch (error) {
      if (isErrno(error, 'ENOENT'))
        throw new StagecraftError('not-found', `There is no build context ${root}.`, { cause: error });
      if (isErrno(error, 'ENOTDIR'))
        throw new StagecraftError('not-found', `The build context ${root} is not a directory.`, {
          cause: error,
        });
      throw unreadable(root, '/', error);
    }
    if (includePatterns.length > 0 || excludePatterns.length > 0)
      this.#filter = new PathFilter(includePatterns, excludePatterns);
    this.#rootEntry = entryAt(`${this.#descent.enter('/').prefix}.`)!;
    this.#directories.set('/', { path: '/', filter: {}, entries: new Map() });
  }

  lstat(path: ByteString): Entry | undefined {
    // Several questions about one path follow each other.
    if (path === this.#lastPath) return this.#lastEntry;
    const directory = path === '/' ? undefined : this.#directory(parentOf(path));
    this.#lastEntry = path === '/' ? this.#rootEntry : directory && this.#entry(directory, nameOf(path));
    this.#lastPath = path;
    return this.#lastEntry;
  }

  /** From now on the entry is this one: the file was found changed. */
  replace(path: ByteString, entry: Entry): void {
    const place = this.place(path);
    this.#directory(parentOf(place))!.entries.set(nameOf(place), entry);
    this.#lastPath = undefined;
  }

  resolve(path: ByteString): ByteString {
    return resolvePath(this, path);
  }

  list(path: ByteString): ByteString[] {
    const directory = this.#directory(path);
    if (directory === undefined) throw this.absent(path);
    directory.names ??= this.#read(directory);
    return directory.names;
  }

  readlink(path: ByteString): ByteString {
    const place = this.place(path);
    let target = this.#links.get(place);
    if (target === undefined) {
      target = this.#attempt(path, link => readlinkSync(link, { encoding: 'latin1' }));
      this.#links.set(place, target);
    }
    return target;
  }

  open(path: ByteString): number {
    // O_NONBLOCK: if somebody put a fifo in the file's place, opening must not wait for its writer.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    return this.#attempt(path, place => openSync(place, flags));
  }

  /** To be called before all of a directory is looked at: makes that faster where it is large. */
  async prepare(path: ByteString): Promise<void> {
    if (this.#statBeneath === undefined && this.#looks + this.list(path).length > manyLooks)
      this.#statBeneath = (await import('../syscall/stat.ts')).statBeneath;
  }

  /** True for a path that this tree looked for, or whose directory it listed, and found missing. */
  isGone(path: ByteString): boolean {
    for (let at = path; at !== '/'; at = parentOf(at)) {
      const parent = this.#directories.get(parentOf(at));
      if (parent === undefined) continue;
      const name = nameOf(at);
      return parent.names !== undefined
        ? !parent.entries.has(name) || parent.entries.get(name) === undefined
        : parent.entries.has(name) && parent.entries.get(name) === undefined;
    }
    return false;
  }

  /** The path with its directory free of symlinks. */
  place(path: ByteString): ByteString {
    const directory = this.#directory(parentOf(path));
    if (directory === undefined) throw this.absent(path);
    // The same string where it can be, for tables that have looked at it before.
    return path.lastIndexOf('/') === directory.path.length && path.startsWith(directory.path)
      ? path
      : join(directory.path, nameOf(path));
  }

  /** The error for a path that is not there. */
  absent(path: ByteString): StagecraftError {
    return new StagecraftError(
      'not-found',
      `${textFromBytes(path)} is not in the build context ${this.#root}.`,
    );
  }
  close(): void {
    this.#descent.close();
  }

  #directory(path: ByteString): Directory | undefined {
    const known = this.#directories.get(path);
    if (known !== undefined || this.#directories.has(path)) return known;
    const parent = this.#directory(parentOf(path));
    const name = nameOf(path);
    const entry = parent && this.#entry(parent, name);
    let found: Directory | undefined;
    if (entry?.type === 'directory') found = this.#enter(parent!, name);
    else if (entry?.type === 'symlink') found = this.#directory(this.resolve(join(parent!.path, name)));
    this.#directories.set(path, found);
    return found;
  }

  #enter(parent: Directory, name: ByteString): Directory {
    const path = join(parent.path, name);
    const known = this.#directories.get(path);
    if (known !== undefined) return known;
    const filter = this.#filter?.enter(path, parent.filter) ?? {};
    const directory = { path, filter, entries: new Map() };
    this.#directories.set(path, directory);
    return directory;
  }

  #entry(directory: Directory, name: ByteString): Entry | undefined {
    const known = directory.entries.get(name);
    if (known !== undefined && known !== 'visible') return known;
    if (known === undefined && (directory.entries.has(name) || directory.names !== undefined))
      return undefined;
    const entry = this.#stat(directory, name);
    const shown =
      entry !== undefined && (known === 'visible' || this.#shows(directory, name, entry.type === 'directory'))
        ? entry
        : undefined;
    directory.entries.set(name, shown);
    return shown;
  }

  #stat(directory: Directory, name: ByteString): Entry | undefined {
    try {
      const { fd, prefix } = this.#descent.enter(directory.path);
      this.#looks++;
      const entry =
        this.#statBeneath === undefined ? entryAt(prefix + name) : entryFrom(this.#statBeneath(fd, name));
      return entry?.type === 'socket' ? undefined : entry;
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG')) return undefined;
      throw unreadable(this.#root, join(directory.path, name), error);
    }
  }

  #read(directory: Directory): ByteString[] {
    let entries: ReturnType<typeof readdirWithTypes>;
    try {
      entries = readdirWithTypes(this.#descent.enter(directory.path).prefix);
    } catch (error) {
      throw unreadable(this.#root, directory.path, error);
    }
    const names: ByteString[] = [];
    for (const entry of entries) {
      if (entry.isSocket() || !this.#shows(directory, entry.name, entry.isDirectory())) continue;
      names.push(entry.name);
      if (directory.entries.get(entry.name) === undefined) directory.entries.set(entry.name, 'visible');
    }
    return names.sort();
  }

  /** Whether the filter lets an entry be seen: an excluded directory is, if it holds something that is not. */
  #shows(directory: Directory, name: ByteString, isDirectory: boolean): boolean {
    if (this.#filter === undefined) return true;
    const path = join(directory.path, name);
    const { matched, maybeBelow } = this.#filter.test(path, directory.filter);
    if (matched) return true;
    if (!isDirectory || !maybeBelow) return false;
    const child = this.#enter(directory, name);
    child.names ??= this.#read(child);
    return child.names.length > 0;
  }

  /** Calls a function of node:fs with a path that leads to the entry and nowhere else. */
  #attempt<T>(path: ByteString, call: (place: string | Buffer) => T): T {
    if (this.lstat(path) === undefined) throw this.absent(path);
    const place = this.place(path);
    try {
      const { prefix } = this.#descent.enter(parentOf(place));
      return call(fsPath(prefix + nameOf(place)));
    } catch (error) {
      throw unreadable(this.#root, path, error);
    }
  }
}

function readdirWithTypes(path: string) {
  return readdirSync(path, { withFileTypes: true, encoding: 'latin1' });
}

function join(directory: ByteString, name: ByteString): ByteString {
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}

function nameOf(path: ByteString): ByteString {
  return path.slice(path.lastIndexOf('/') + 1);
}

function unreadable(root: string, path: ByteString, error: unknown): StagecraftError {
  const name = path === '/' ? 'the build context' : `${textFromBytes(path)} of the build context`;
  const reason = isErrno(error, 'EACCES', 'EPERM')
    ? 'this user may not read it'
    : isErrno(error, 'ENOENT', 'ELOOP', 'ENOTDIR', 'ENXIO')
      ? 'it changed during the build'
      : (error as Error).message;
  return new StagecraftError('io', `Cannot read ${name} ${root}: ${reason}.`, {
    cause: error,
    hint: isErrno(error, 'EACCES', 'EPERM')
      ? 'Change its permissions, or exclude it in .dockerignore.'
      : undefined,
  });
}
