import { closeSync, constants, ftruncateSync, openSync } from 'node:fs';
import { copyRange } from '../syscall/copy.ts';
import type { TarHeader } from '../tar/header.ts';
import { TarReader } from '../tar/reader.ts';
import { type ByteString, fsPath, textFromBytes } from '../util/bytes.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';
import { Draft } from './draft.ts';
import type { DraftDirectory } from './draft-tree.ts';
import { dress } from './dress.ts';
import { readEntry } from './entry.ts';
import { cleanName, parentParts } from './names.ts';
import { imageXattrs, isImageXattr, isOpaque, makeOpaque } from './overlay.ts';
import { opaqueWhiteout, whiteoutPrefix } from './pack.ts';
import type { RootView } from './root-view.ts';
import { SparseFile } from './sparse-file.ts';
import type { AppliedLayer, Metadata, UnpackOptions } from './types.ts';

/** What a directory gets that neither the archive nor the layers below have, but something lies in. */
const impliedDirectory: Metadata = { mode: 0o755, uid: 0, gid: 0, mtimeNs: 0n };

/**
 * Unpacks an OCI layer into a directory in overlayfs upper form. Entries are written as the archive has them, whatever
 * lies below, so that one unpacked layer serves on top of all others; only where the archive leaves something open are
 * the layers below asked for, and the result says so.
 * Names are those of a chroot at the layer's root: a symlink in a parent is followed within it, be it in the archive or
 * below, and never by the kernel.
 */
export async function applyLayer(
  source: AsyncIterable<Uint8Array>,
  dir: string,
  below: () => RootView,
  options: UnpackOptions = {},
): Promise<AppliedLayer> {
  const reader = new TarReader(options.allowance?.bound(source) ?? source, options);
  const unpacking = new Unpacking(new Draft(dir, below), reader, options);
  try {
    for (let header = await reader.next(); header; header = await reader.next())
      await unpacking.apply(header);
  } catch (error) {
    await reader.close();
    throw error;
  }
  return unpacking.finish();
}

/**
 * Gives the root of an unpacked layer, of which its archive says nothing, the metadata of the root below. True where
 * that is not the usual one, so that the layer depends on it.
 */
export function adoptRoot(dir: string, below: RootView): boolean {
  const draft = new Draft(dir, () => below);
  draft.adoptRoot();
  draft.setTimes();
  return draft.dependsOnBelow;
}

class Unpacking {
  readonly #draft: Draft;
  readonly #reader: TarReader;
  readonly #options: UnpackOptions;
  readonly #what: string;
  #size = 0;
  #hasRoot = false;

  constructor(draft: Draft, reader: TarReader, options: UnpackOptions) {
    this.#draft = draft;
    this.#reader = reader;
    this.#options = options;
    this.#what = options.what ?? 'the layer';
  }

  finish(): AppliedLayer {
    this.#draft.setTimes();
    return { dependsOnBelow: this.#draft.dependsOnBelow, size: this.#size, hasRoot: this.#hasRoot };
  }

  async apply(header: TarHeader): Promise<void> {
    const parts = cleanName(header.name);
    if (parts === undefined) throw this.#refuse('confined', header.name, 'leads out of the root');
    this.#options.allowance?.spend(header.name, header.size);
    try {
      if (parts.length === 0) this.#applyRoot(header);
      else await this.#applyEntry(parentParts(parts), parts.at(-1)!, header);
    } catch (error) {
      if (isErrno(error, 'ENAMETOOLONG', 'ENOENT', 'EINVAL', 'ENOTDIR', 'E2BIG', 'ERANGE', 'EFBIG'))
        throw this.#refuse('integrity', header.name, `cannot be made (${(error as Error).message})`);
      throw error;
    }
  }

  #applyRoot(header: TarHeader): void {
    if (header.type !== 'directory') throw this.#refuse('integrity', header.name, 'would replace the root');
    this.#redress(this.#draft.root, this.#draft.rootOnDisk(), header);
    this.#hasRoot = true;
  }

  async #applyEntry(parents: readonly ByteString[], name: ByteString, header: TarHeader): Promise<void> {
    if (name.startsWith(whiteoutPrefix)) return this.#applyWhiteout(parents, name, header);
    const directory = this.#parent(parents, header.name, true)!;
    switch (header.type) {
      case 'directory':
        return this.#putDirectory(directory, name, header);
      case 'hardlink':
        return this.#putHardLink(directory, name, header);
      case 'file':
        this.#draft.clear(directory, name);
        return await this.#putFile(directory, name, header);
      case 'symlink':
        this.#draft.clear(directory, name);
        return this.#draft.makeSymlink(directory, name, header.linkname, metadataOf(header));
      default:
        this.#draft.clear(directory, name);
        return this.#putNode(directory, name, header.type, header);
    }
  }

  /** layer.md#whiteouts: hides what lies below, never what this same archive has, before or after it. */
  #applyWhiteout(parents: readonly ByteString[], name: ByteString, header: TarHeader): void {
    const hidden = name.slice(whiteoutPrefix.length);
    if (name !== opaqueWhiteout && hidden.startsWith(whiteoutPrefix)) return;
    if (hidden === '' || hidden === '.' || hidden === '..')
      throw this.#refuse('integrity', header.name, 'is a whiteout of nothing');
    const directory = this.#parent(parents, header.name, false);
    // Where there is no directory, nothing lies below to be hidden.
    if (directory === undefined) return;
    if (name === opaqueWhiteout) {
      if (directory === this.#draft.root) this.#hideRoot();
      else this.#hideBelow(directory);
    } else this.#hide(directory, hidden);
  }

  #hide(directory: DraftDirectory, name: ByteString): void {
    const own = this.#draft.own(directory, name);
    if (own === undefined) this.#draft.makeWhiteout(directory, name);
    else if (own === 'directory') this.#hideBelow(this.#draft.enter(directory, name));
  }

  /** Overlayfs knows no opaque root, so that what lies below is hidden name by name. */
  #hideRoot(): void {
    this.#draft.dependsOnBelow = true;
    const { root } = this.#draft;
    for (const name of this.#draft.names(root))
      if (this.#draft.typeBelow(root, name) !== undefined) this.#hide(root, name);
  }

  #hideBelow(directory: DraftDirectory): void {
    const place = this.#draft.place(directory.parent, directory.name);
    if (!isOpaque(place)) makeOpaque(place);
    this.#draft.hideBelow(directory);
  }

  #putDirectory(directory: DraftDirectory, name: ByteString, header: TarHeader): void {
    const own = this.#draft.own(directory, name);
    if (own === 'directory') {
      this.#redress(this.#draft.enter(directory, name), this.#draft.place(directory, name), header);
      return;
    }
    this.#draft.clear(directory, name);
    // In the place of a whiteout, or of something else of this archive, it must not let through what that hid.
    this.#draft.makeDirectory(directory, name, metadataOf(header), own !== undefined);
  }

  #redress(directory: DraftDirectory, place: ByteString, header: TarHeader): void {
    this.#draft.stripXattrs(place);
    const metadata = metadataOf(header);
    dress(place, 'directory', metadata);
    this.#draft.setTime(directory, metadata.mtimeNs);
  }

  async #putFile(directory: DraftDirectory, name: ByteString, header: TarHeader): Promise<void> {
    const fd = this.#draft.createFile(directory, name);
    try {
      if (header.size > 0) await this.#writeContent(fd, header);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    this.#draft.finishFile(fd, directory, name, metadataOf(header));
  }

  async #writeContent(fd: number, header: TarHeader): Promise<void> {
    const file = new SparseFile(fd);
    for (let part = await this.#reader.read(); part; part = await this.#reader.read()) {
      this.#size += part.bytes.length;
      file.write(part.bytes, part.position);
    }
    if (file.end < header.size) ftruncateSync(fd, header.size);
  }

  #putHardLink(directory: DraftDirectory, name: ByteString, header: TarHeader): void {
    const parts = cleanName(header.linkname);
    if (parts === undefined)
      throw this.#refuse('confined', header.name, `links to ${show(header.linkname)}, outside of the root`);
    const missing = this.#refuse(
      'integrity',
      header.name,
      `links to ${show(header.linkname)}, which is no file`,
    );
    if (parts.length === 0) throw missing;
    const target = parts.at(-1)!;
    const parent = this.#parent(parentParts(parts), header.linkname, false);
    if (parent === undefined) throw missing;
    let type = this.#draft.own(parent, target);
    if (type === undefined && this.#draft.typeBelow(parent, target) === 'file') {
      this.#copyFileUp(parent, target);
      type = 'file';
    }
    if (type === undefined || type === 'whiteout' || type === 'directory') throw missing;
    if (parent === directory && target === name) return;
    const place = this.#draft.place(parent, target);
    this.#draft.clear(directory, name);
    this.#draft.makeLink(directory, name, place, type);
  }

  #copyFileUp(directory: DraftDirectory, name: ByteString): void {
    const node = this.#draft.child(directory, name)!;
    const disk = this.#draft.onDisk(directory, name, node);
    const from = openSync(fsPath(disk), constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const to = this.#draft.createFile(directory, name);
      copyRange(from, to);
      this.#draft.finishFile(to, directory, name, { ...readEntry(disk)!, xattrs: imageXattrs(disk) });
    } finally {
      closeSync(from);
    }
    this.#draft.dependsOnBelow = true;
  }

  #putNode(
    directory: DraftDirectory,
    name: ByteString,
    type: 'char' | 'block' | 'fifo',
    header: TarHeader,
  ): void {
    try {
      // As a whiteout it would be read from now on, so it is one.
      if (type === 'char' && header.major === 0 && header.minor === 0)
        this.#draft.makeWhiteout(directory, name);
      else this.#draft.makeNode(directory, name, type, header, metadataOf(header));
    } catch (error) {
      if (type === 'fifo' || !isErrno(error, 'EPERM')) throw error;
      this.#options.note?.(
        `The device ${show(header.name)} of ${this.#what} is left out: making it takes root's rights on this machine.`,
      );
    }
  }

  /**
   * The directory that an entry lies in, ready to be written to. The usual one is in the archive itself; else it is
   * looked up through symlinks, copied up from below, or made, where `make` says so.
   */
  #parent(parts: readonly ByteString[], name: ByteString, make: boolean): DraftDirectory | undefined {
    let directory = this.#draft.root;
    for (const part of parts) {
      if (this.#draft.own(directory, part) !== 'directory') return this.#parentBelow(parts, name, make);
      directory = this.#draft.enter(directory, part);
    }
    return directory;
  }

  #parentBelow(parts: readonly ByteString[], name: ByteString, make: boolean): DraftDirectory | undefined {
    this.#draft.dependsOnBelow = true;
    const path = `/${parts.join('/')}`;
    let directory = this.#draft.directoryAt(path);
    if (directory === undefined) {
      if (!make) return undefined;
      directory = this.#draft.root;
      for (const part of cleanName(this.#draft.resolve(path))!) {
        const type = this.#draft.child(directory, part)?.type;
        if (type === 'directory') directory = this.#draft.enter(directory, part);
        else if (type !== undefined)
          throw this.#refuse('integrity', name, 'lies in something that is no directory');
        else {
          this.#draft.prepare(directory);
          const isHidden = this.#draft.own(directory, part) === 'whiteout';
          this.#draft.clear(directory, part);
          directory = this.#draft.makeDirectory(directory, part, impliedDirectory, isHidden);
        }
      }
    }
    this.#draft.prepare(directory);
    return directory;
  }

  #refuse(code: 'confined' | 'integrity', name: ByteString, why: string): StagecraftError {
    return new StagecraftError(code, `The entry ${show(name)} of ${this.#what} ${why}.`);
  }
}

function metadataOf(header: TarHeader): Metadata {
  const { mode, uid, gid, mtimeNs } = header;
  if (header.xattrs.size === 0) return { mode, uid, gid, mtimeNs };
  const xattrs = new Map([...header.xattrs].filter(([name]) => isImageXattr(name)));
  return { mode, uid, gid, mtimeNs, xattrs };
}

function show(name: ByteString): string {
  return JSON.stringify(textFromBytes(name.slice(0, 300)));
}
