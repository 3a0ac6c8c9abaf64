import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { copyRange } from '../syscall/copy.ts';
import { type ByteString, fsPath, textFromBytes } from '../util/bytes.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';
import { Draft } from './draft.ts';
import type { DraftDirectory, DraftNode } from './draft-tree.ts';
import { dress } from './dress.ts';
import { readEntry } from './entry.ts';
import { cleanName } from './names.ts';
import { imageXattrs } from './overlay.ts';
import type { RootView } from './root-view.ts';
import type { Entry, FileContent, FileTree, LayerWriter, Metadata } from './types.ts';

/** A place to put an entry: its directory exists in the draft, and the name in it is free. */
interface Free {
  readonly directory: DraftDirectory;
  readonly name: ByteString;
}

/** Opens a draft's directory for writing on top of a root file system. */
export function openLayerWriter(dir: string, below: RootView): LayerWriter {
  const draft = new Draft(dir, () => below);
  draft.adoptRoot();
  return new Writer(draft);
}

class Writer implements LayerWriter {
  readonly #draft: Draft;
  /** Files of other layers that were linked into this one, `dev:ino`: never to be changed, and linked only once. */
  readonly #shared = new Set<string>();
  /** Places of files linked without a look at them: never to be changed either. */
  readonly #linked = new Set<ByteString>();

  constructor(draft: Draft) {
    this.#draft = draft;
  }

  get tree(): FileTree {
    return this.#draft;
  }

  putDirectory(path: ByteString, metadata: Metadata): void {
    const found = this.#locate(path);
    if (found.node?.type === 'directory' || found.name === '') {
      this.setMetadata(path, { ...metadata, xattrs: metadata.xattrs ?? new Map() });
      return;
    }
    const { directory, name } = this.#free(path);
    const hides = this.#draft.typeBelow(directory, name) === 'directory';
    this.#draft.makeDirectory(directory, name, metadata, hides);
  }

  makeDirectories(path: ByteString, missing: Metadata): { path: ByteString; made: ByteString[] } {
    const made: ByteString[] = [];
    let directory = this.#draft.directoryAt(path);
    if (directory === undefined) {
      const resolved = this.#draft.resolve(path);
      directory = this.#draft.root;
      for (const name of cleanName(resolved)!) {
        const node = this.#draft.child(directory, name);
        if (node?.type === 'directory') directory = this.#draft.enter(directory, name);
        else if (node !== undefined)
          throw new StagecraftError(
            'not-found',
            `${textFromBytes(path)} leads through ${textFromBytes(`${directory.path}/${name}`)}, which is not a directory.`,
          );
        else {
          this.#draft.prepare(directory);
          const hides = this.#draft.typeBelow(directory, name) === 'directory';
          this.#draft.clear(directory, name);
          directory = this.#draft.makeDirectory(directory, name, missing, hides);
          made.push(directory.path);
        }
      }
    }
    return { path: directory.path || '/', made };
  }

  putFile(path: ByteString, content: FileContent, metadata: Metadata): void {
    const free = this.#free(path);
    if ('immutable' in content) {
      if (this.#link(free, content.immutable, metadata)) return;
      this.#copy(free, content.immutable, metadata);
      return;
    }
    const fd = this.#draft.createFile(free.directory, free.name);
    try {
      if ('fd' in content) copyRange(content.fd, fd);
      else writeWhole(fd, content.data);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    this.#draft.finishFile(fd, free.directory, free.name, metadata);
  }

  linkFile(path: ByteString, immutable: ByteString, settled: (isLinked: boolean) => void): void {
    const { directory, name } = this.#free(path);
    const place = this.#draft.place(directory, name);
    this.#linked.add(place);
    this.#draft.linkLater(directory, name, immutable, isLinked => {
      if (!isLinked) this.#linked.delete(place);
      settled(isLinked);
    });
  }

  createFile(path: ByteString, metadata: Metadata): { readonly fd: number; close(): void } {
    const { directory, name } = this.#free(path);
    const fd = this.#draft.createFile(directory, name);
    return { fd, close: () => this.#draft.finishFile(fd, directory, name, metadata) };
  }

  putSymlink(path: ByteString, target: ByteString, metadata: Metadata): void {
    const { directory, name } = this.#free(path);
    this.#draft.makeSymlink(directory, name, target, metadata);
  }

  putNode(
    path: ByteString,
    type: 'char' | 'block' | 'fifo',
    device: { readonly major: number; readonly minor: number },
    metadata: Metadata,
  ): void {
    const { directory, name } = this.#free(path);
    this.#draft.makeNode(directory, name, type, device, metadata);
  }

  putHardLink(path: ByteString, existing: ByteString): void {
    const source = this.#locate(existing);
    if (source.node === undefined || source.node.type === 'directory')
      throw new StagecraftError(
        'not-found',
        `The hard link ${textFromBytes(path)} cannot be made: ${textFromBytes(existing)} is not a file.`,
      );
    const file = this.#privately(source.parent, source.name, source.node);
    // Putting a link on itself must not remove the only name first.
    const target = this.#locate(path);
    if (target.parent === source.parent && target.name === source.name) return;
    if (file.startsWith(`${this.#draft.place(target.parent, target.name)}/`))
      throw new StagecraftError(
        'usage',
        `The hard link ${textFromBytes(path)} would replace the directory that its file lies in.`,
      );
    const { directory, name } = this.#free(path);
    this.#draft.makeLink(directory, name, file, source.node.type);
  }

  setMetadata(path: ByteString, change: Partial<Metadata>): void {
    const { parent, name, node } = this.#locate(path);
    if (name !== '' && node === undefined)
      throw new StagecraftError('not-found', `${textFromBytes(path)} does not exist.`);
    if (name === '' || node!.type === 'directory') {
      const directory = name === '' ? this.#draft.root : this.#draft.enter(parent, name);
      this.#draft.prepare(directory);
      const place = name === '' ? this.#draft.rootOnDisk() : this.#draft.place(parent, name);
      this.#change(place, change);
      if (change.mtimeNs !== undefined) this.#draft.setTime(directory, change.mtimeNs);
      return;
    }
    const place = this.#privately(parent, name, node!);
    this.#change(place, change);
    this.#draft.setFileTime(place, change.mtimeNs);
  }

  remove(path: ByteString): boolean {
    const { parent, name, node, rest } = this.#draft.locate(path, false);
    if (name === '') throw new StagecraftError('usage', 'The root directory cannot be removed.');
    if (node === undefined || rest.length > 0) return false;
    this.#draft.prepare(parent);
    this.#draft.clear(parent, name);
    if (this.#draft.typeBelow(parent, name) !== undefined) this.#draft.makeWhiteout(parent, name);
    return true;
  }

  finish(): void {
    this.#draft.setTimes();
  }

  #locate(path: ByteString) {
    const found = this.#draft.locate(path, false);
    if (found.rest.length > 0) throw noParent(path);
    return found;
  }

  /** Makes room for an entry that replaces whatever is there. */
  #free(path: ByteString): Free {
    const { parent, name } = this.#locate(path);
    if (name === '')
      throw new StagecraftError('usage', 'The root directory cannot be replaced by something else.');
    this.#draft.prepare(parent);
    this.#draft.clear(parent, name);
    return { directory: parent, name };
  }

  /** Links a file that never changes, where that gives just what is wanted. */
  #link(free: Free, file: ByteString, metadata: Metadata): boolean {
    const entry = readEntry(file);
    if (entry === undefined || !hasMetadata(entry, file, metadata)) return false;
    // A second link to it in this layer would be taken for a hard link of the image.
    const key = `${entry.dev}:${entry.ino}`;
    if (this.#shared.has(key)) return false;
    try {
      this.#draft.makeLink(free.directory, free.name, file, 'file');
    } catch (error) {
      if (isErrno(error, 'EXDEV', 'EMLINK', 'EPERM')) return false;
      throw error;
    }
    this.#shared.add(key);
    return true;
  }

  #copy({ directory, name }: Free, file: ByteString, metadata: Metadata): void {
    const from = openSync(fsPath(file), constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const to = this.#draft.createFile(directory, name);
      try {
        copyRange(from, to);
      } catch (error) {
        closeSync(to);
        throw error;
      }
      this.#draft.finishFile(to, directory, name, metadata);
    } finally {
      closeSync(from);
    }
  }

  /** The place of an entry (no directory) in the draft where it may be changed: copied from below, or from its link. */
  #privately(directory: DraftDirectory, name: ByteString, node: DraftNode): ByteString {
    const place = this.#draft.place(directory, name);
    const disk = this.#draft.onDisk(directory, name, node);
    const entry = readEntry(disk)!;
    const shared =
      node.below === undefined &&
      (this.#shared.has(`${entry.dev}:${entry.ino}`) || this.#linked.delete(place));
    if (node.below === undefined && !shared) return place;
    const metadata = { ...entry, xattrs: imageXattrs(disk) };
    this.#draft.prepare(directory);
    if (node.type === 'symlink') {
      const target = this.#draft.readlink(`${directory.path}/${name}`);
      this.#draft.makeSymlink(directory, name, target, metadata);
    } else if (node.type === 'file') {
      if (!shared) this.#copy({ directory, name }, disk, metadata);
      else this.#replaceByCopy(directory, name, metadata);
    } else if (node.type !== 'socket' && node.type !== 'directory')
      this.#draft.makeNode(directory, name, node.type, entry.rdev, metadata);
    return place;
  }

  #replaceByCopy(directory: DraftDirectory, name: ByteString, metadata: Metadata): void {
    const from = openSync(fsPath(this.#draft.place(directory, name)), constants.O_RDONLY);
    try {
      this.#draft.clear(directory, name);
      const to = this.#draft.createFile(directory, name);
      copyRange(from, to);
      this.#draft.finishFile(to, directory, name, metadata);
    } finally {
      closeSync(from);
    }
  }

  #change(place: ByteString, change: Partial<Metadata>): void {
    const entry = readEntry(place)!;
    const mtimeNs = entry.mtimeNs;
    if (change.xattrs !== undefined) this.#draft.stripXattrs(place);
    // A change of owner takes file capabilities away, so these are set again.
    const xattrs = change.xattrs ?? imageXattrs(place);
    dress(place, entry.type, {
      mode: change.mode ?? entry.mode,
      uid: change.uid ?? entry.uid,
      gid: change.gid ?? entry.gid,
      xattrs,
    });
    if (change.mtimeNs === undefined && entry.type !== 'directory') this.#draft.setFileTime(place, mtimeNs);
  }
}

function noParent(path: ByteString): StagecraftError {
  return new StagecraftError(
    'not-found',
    `${textFromBytes(path)} cannot be written: the directory it lies in does not exist.`,
  );
}

function hasMetadata(entry: Entry, file: ByteString, wanted: Metadata): boolean {
  if (entry.mode !== wanted.mode || entry.uid !== wanted.uid || entry.gid !== wanted.gid) return false;
  if (entry.type !== 'file' || entry.mtimeNs !== wanted.mtimeNs) return false;
  const xattrs = imageXattrs(file);
  if (xattrs.size !== (wanted.xattrs?.size ?? 0)) return false;
  for (const [name, value] of xattrs)
    if (Buffer.compare(value, wanted.xattrs!.get(name) ?? Buffer.alloc(0)) !== 0) return false;
  return true;
}

function writeWhole(fd: number, data: Uint8Array): void {
  for (let at = 0; at < data.length; ) at += writeSync(fd, data, at, data.length - at);
}
