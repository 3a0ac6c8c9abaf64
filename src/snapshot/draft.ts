import {
  closeSync,
  constants,
  fchmodSync,
  link,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { makeNode } from '../syscall/nodes.ts';
import { setTimes } from '../syscall/times.ts';
import { removeXattr } from '../syscall/xattrs.ts';
import { type ByteString, fsPath } from '../util/bytes.ts';
import { type DraftDirectory, DraftTree } from './draft-tree.ts';
import { dress, setXattrs } from './dress.ts';
import { emptyRoot, readEntry } from './entry.ts';
import { imageXattrNames, imageXattrs, makeOpaque, makeWhiteout } from './overlay.ts';
import { ownership } from './ownership.ts';
import type { Entry, EntryType, Metadata } from './types.ts';

/**
 * A draft layer on top of a root file system, as one tree that changes. It knows overlayfs's upper form, and offers
 * the single steps of writing it; what they mean for a copy or for a tar entry is for others to say.
 * All steps take a directory found by {@link locate}, so that no symlink is ever followed on disk.
 */
export class Draft extends DraftTree {
  /** True once something was taken over from below: the draft would differ on top of something else. */
  dependsOnBelow = false;
  readonly #timed: DraftDirectory[] = [];

  /**
   * Makes a directory ready to be written to: copied up with its parents where it only lies below. Its time is noted,
   * to be as it was in the end.
   */
  prepare(directory: DraftDirectory): void {
    if (directory.made) {
      if (directory.mtimeNs === undefined) this.setTime(directory, mtimeOf(`${this.dir}${directory.path}`));
      return;
    }
    this.prepare(directory.parent);
    const { parent, name } = directory;
    const below = this.child(parent, name)!.below!;
    const entry = readEntry(below)!;
    const xattrs = imageXattrs(below);
    const place = this.place(parent, name);
    mkdirSync(fsPath(place), 0o700);
    this.ownEntries(parent).set(name, 'directory');
    directory.made = true;
    directory.own = new Map();
    this.dependsOnBelow = true;
    dress(place, 'directory', { ...entry, xattrs });
    this.setTime(directory, entry.mtimeNs);
  }

  /**
   * Takes away what the draft itself has under a name, so that another can be put there at once. What lies below
   * shows again until then.
   */
  clear(directory: DraftDirectory, name: ByteString): void {
    const type = this.own(directory, name);
    if (type === 'directory') rmSync(fsPath(this.place(directory, name)), { recursive: true });
    else if (type !== undefined) unlinkSync(fsPath(this.place(directory, name)));
    if (type !== undefined) directory.own!.delete(name);
    // A path that went through here leads elsewhere from now on.
    const below = directory.below === 'unknown' ? undefined : directory.below?.children?.get(name)?.type;
    if (directory.directories.delete(name) || type === 'symlink' || below === 'symlink')
      this.forgetDirectories();
  }

  makeDirectory(
    directory: DraftDirectory,
    name: ByteString,
    metadata: Metadata,
    opaque: boolean,
  ): DraftDirectory {
    const place = this.place(directory, name);
    mkdirSync(fsPath(place), 0o700);
    this.#add(directory, name, 'directory');
    const made = this.enter(directory, name);
    made.made = true;
    made.own = new Map();
    if (opaque) {
      makeOpaque(place);
      made.below = undefined;
    }
    dress(place, 'directory', metadata);
    this.setTime(made, metadata.mtimeNs);
    return made;
  }

  /** Notes that a directory became opaque. */
  hideBelow(directory: DraftDirectory): void {
    directory.below = undefined;
    for (const each of directory.directories.values())
      if (!each.made) directory.directories.delete(each.name);
    this.forgetDirectories();
  }

  /** Opens a new file for writing; {@link finishFile} ends it. */
  createFile(directory: DraftDirectory, name: ByteString): number {
    const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW;
    const fd = openSync(fsPath(this.place(directory, name)), flags, 0o600);
    this.#add(directory, name, 'file');
    return fd;
  }

  finishFile(fd: number, directory: DraftDirectory, name: ByteString, metadata: Metadata): void {
    const place = this.place(directory, name);
    ownership().write(place, 'file', metadata);
    setXattrs(place, metadata.xattrs);
    if (metadata.mode !== 0o600) fchmodSync(fd, metadata.mode);
    closeSync(fd);
    setTimes(place, metadata.mtimeNs);
  }

  makeSymlink(directory: DraftDirectory, name: ByteString, target: ByteString, metadata: Metadata): void {
    const place = this.place(directory, name);
    symlinkSync(fsPath(target), fsPath(place));
    this.#add(directory, name, 'symlink');
    ownership().write(place, 'symlink', metadata);
    setTimes(place, metadata.mtimeNs);
  }

  /** @throws the system's error `EPERM` for a device without the right to make one */
  makeNode(
    directory: DraftDirectory,
    name: ByteString,
    type: 'char' | 'block' | 'fifo',
    device: { readonly major: number; readonly minor: number },
    metadata: Metadata,
  ): void {
    const place = this.place(directory, name);
    makeNode(place, type, 0o600, device.major, device.minor);
    this.#add(directory, name, type);
    dress(place, type, { ...metadata, xattrs: undefined });
    setTimes(place, metadata.mtimeNs);
  }

  makeWhiteout(directory: DraftDirectory, name: ByteString): void {
    makeWhiteout(this.place(directory, name));
    this.ownEntries(directory).set(name, 'whiteout');
  }

  /** Gives a file on disk, of the draft or of a layer, a name in the draft. */
  makeLink(directory: DraftDirectory, name: ByteString, file: ByteString, type: EntryType): void {
    linkSync(fsPath(file), fsPath(this.place(directory, name)));
    this.#add(directory, name, type);
  }

  /** As {@link makeLink}, in the background; `settled` tells whether it worked. */
  linkLater(
    directory: DraftDirectory,
    name: ByteString,
    file: ByteString,
    settled: (isLinked: boolean) => void,
  ): void {
    this.#add(directory, name, 'file');
    link(fsPath(file), fsPath(this.place(directory, name)), error => {
      if (error !== null) directory.own!.delete(name);
      settled(error === null);
    });
  }

  /** Takes away the attributes that an image keeps. */
  stripXattrs(place: ByteString): void {
    for (const name of imageXattrNames(place)) removeXattr(place, name);
  }

  /** Gives the root of a new draft the metadata of the root below. */
  adoptRoot(): void {
    const below = this.below.lstat('/')!;
    const xattrs = this.below.xattrs('/');
    this.setTime(this.root, below.mtimeNs);
    const own = readEntry(this.dir)!;
    if (sameOwnerAndMode(own, below) && xattrs.size === 0) return;
    dress(this.dir, 'directory', { ...below, xattrs });
    if (!sameOwnerAndMode(emptyRoot, below) || xattrs.size > 0) this.dependsOnBelow = true;
  }

  /** Notes the time that a directory shall have once all is written: each entry put in it changes it. */
  setTime(directory: DraftDirectory, mtimeNs: bigint): void {
    if (directory.mtimeNs === undefined) this.#timed.push(directory);
    directory.mtimeNs = mtimeNs;
  }

  /** Sets the time of an entry that is no directory; nothing leaves it. */
  setFileTime(place: ByteString, mtimeNs: bigint | undefined): void {
    if (mtimeNs !== undefined) setTimes(place, mtimeNs);
  }

  /** Sets the times noted. */
  setTimes(): void {
    for (const directory of this.#timed)
      if (this.#isCurrent(directory)) setTimes(`${this.dir}${directory.path}`, directory.mtimeNs!);
  }

  #isCurrent(directory: DraftDirectory): boolean {
    for (let each = directory; each !== this.root; each = each.parent)
      if (each.parent.directories.get(each.name) !== each) return false;
    return true;
  }

  #add(directory: DraftDirectory, name: ByteString, type: EntryType): void {
    this.ownEntries(directory).set(name, type);
  }
}

function mtimeOf(place: ByteString): bigint {
  return lstatSync(fsPath(place), { bigint: true }).mtimeNs;
}

function sameOwnerAndMode(a: Entry, b: Entry): boolean {
  return a.mode === b.mode && a.uid === b.uid && a.gid === b.gid;
}
