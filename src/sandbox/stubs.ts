import { lstatSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { readEntry } from '../snapshot/entry.ts';
import { imageXattrs, isOpaque, isWhiteout } from '../snapshot/overlay.ts';
import type { Entry, FileTree } from '../snapshot/types.ts';
import { setTimes } from '../syscall/times.ts';
import { type ByteString, bytesFromText, fsPath } from '../util/bytes.ts';

/** Nanoseconds by which times that the kernel took at one moment may differ. */
const clockTick = 10_000_000n;

/** A directory that was there before the run and in which something had to be made to mount on. */
interface Holder {
  readonly entry: Entry;
  readonly plain: boolean;
  readonly wasInUpper: boolean;
}

/**
 * The empty files and directories that a runtime makes where a mount's target does not exist, and the traces that
 * making them leaves: they are no work of the step, so they must not be in its layer.
 */
export class MountStubs {
  readonly #view: FileTree;
  readonly #upper: ByteString;
  /** Paths that did not exist, deepest first. */
  readonly #missing: readonly ByteString[];
  /** By path, the root's being empty. */
  readonly #holders = new Map<ByteString, Holder>();

  /** Looks, before the run, at which targets are missing. `view`: the layers with the `upper` directory on top. */
  constructor(view: FileTree, upper: string, targets: readonly string[]) {
    this.#view = view;
    this.#upper = bytesFromText(upper);
    const missing = new Set<ByteString>();
    for (const target of targets) {
      let path = view.resolve(bytesFromText(target));
      if (path === '/') continue;
      while (path !== '' && view.lstat(path) === undefined) {
        missing.add(path);
        path = parentOf(path);
        if (view.lstat(path || '/') !== undefined) this.#hold(view, path);
      }
    }
    this.#missing = [...missing].sort((a, b) => depthOf(b) - depthOf(a));
  }

  /**
   * Removes, after the run, those that are still empty. A directory that only these changed gets its time back, or
   * leaves the upper directory again if nothing else is in it.
   */
  remove(): void {
    const before = new Map<ByteString, bigint>();
    let made = 0n;
    for (const path of this.#missing) {
      const parent = parentOf(path);
      const stub = this.#inUpper(path);
      if (stub === undefined) continue;
      const parentTime = this.#inUpper(parent)!.mtimeNs;
      if (!before.has(parent)) before.set(parent, parentTime);
      const { birthtimeNs } = lstatSync(fsPath(this.#upper + path), { bigint: true });
      if (removeIfEmpty(this.#upper + path, stub) && birthtimeNs > made) made = birthtimeNs;
    }
    for (const [parent, time] of before) {
      if (this.#inUpper(parent) === undefined) continue;
      const holder = this.#holders.get(parent);
      const untouched = holder !== undefined && time <= made + clockTick && !this.#hasNews(parent);
      setTimes(this.#upper + parent, untouched ? holder.entry.mtimeNs : time);
    }
    for (const path of [...this.#holders.keys()].sort((a, b) => depthOf(b) - depthOf(a))) this.#prune(path);
  }

  /** Notes a directory and those above it, which the kernel copies up when something is made in it. */
  #hold(view: FileTree, path: ByteString): void {
    for (let each = path; each !== '' && !this.#holders.has(each); each = parentOf(each)) {
      const entry = view.lstat(each)!;
      const wasInUpper = this.#inUpper(each) !== undefined;
      this.#holders.set(each, { entry, plain: view.xattrs(each).size === 0, wasInUpper });
    }
    if (!this.#holders.has(''))
      this.#holders.set('', { entry: view.lstat('/')!, plain: true, wasInUpper: true });
  }

  /** True if a name came into a directory or went from it; its names were read before the run. */
  #hasNews(path: ByteString): boolean {
    const names = readdirSync(fsPath(this.#upper + path), { encoding: 'latin1' });
    return names.some(
      name =>
        isWhiteout(`${this.#upper}${path}/${name}`) || this.#view.lstat(`${path}/${name}`) === undefined,
    );
  }

  /** Takes a directory out of the upper directory again if it says nothing that the layers below do not say. */
  #prune(path: ByteString): void {
    const { entry, plain, wasInUpper } = this.#holders.get(path)!;
    const now = this.#inUpper(path);
    if (wasInUpper || now?.type !== 'directory' || !plain) return;
    const same = now.mode === entry.mode && now.uid === entry.uid && now.gid === entry.gid;
    const disk = this.#upper + path;
    if (!same || now.mtimeNs !== entry.mtimeNs || isOpaque(disk) || imageXattrs(disk).size > 0) return;
    const above = this.#inUpper(parentOf(path))!;
    if (removeIfEmpty(disk, now)) setTimes(this.#upper + parentOf(path), above.mtimeNs);
  }

  /** What the upper directory has at a path, if no symlink or anything but directories leads there. */
  #inUpper(path: ByteString): Entry | undefined {
    let disk = this.#upper;
    for (const part of path.split('/').slice(1, -1)) {
      disk += `/${part}`;
      if (!lstatSync(fsPath(disk), { throwIfNoEntry: false })?.isDirectory()) return undefined;
    }
    return readEntry(this.#upper + path);
  }
}

function removeIfEmpty(disk: ByteString, entry: Entry): boolean {
  if (entry.type === 'directory') {
    if (readdirSync(fsPath(disk)).length > 0) return false;
    rmdirSync(fsPath(disk));
    return true;
  }
  if (entry.type !== 'file' || entry.size > 0) return false;
  unlinkSync(fsPath(disk));
  return true;
}

function parentOf(path: ByteString): ByteString {
  return path.slice(0, path.lastIndexOf('/'));
}

function depthOf(path: ByteString): number {
  return path.split('/').length;
}
