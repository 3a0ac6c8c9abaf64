import { closeSync, fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { decompress, detectCompression } from '../content/decompress.ts';
import type { Allowance } from '../snapshot/allowance.ts';
import { unsetTimeNs } from '../snapshot/times.ts';
import type { FileTree, Metadata } from '../snapshot/types.ts';
import { resolvePath } from '../source/paths.ts';
import type { DigestedTree } from '../source/types.ts';
import { TarReader } from '../tar/reader.ts';
import { type ByteString, textFromBytes } from '../util/bytes.ts';
import { StagecraftError } from '../util/errors.ts';
import type { Making } from './making.ts';
import type { OpenLayer } from './open-layer.ts';
import { clean, parentOf } from './path.ts';
import type { CopySource } from './selection.ts';

/**
 * `ADD archive.tar /`: unpacks a source that is a tar archive, compressed or not, into the directory `dest`, which is
 * made where it is missing. False if the source is something else. As in Docker the archive's paths and symlinks
 * resolve within `dest`, as if it were `/`.
 * @throws StagecraftError `integrity` for an archive that turns out damaged after its start
 */
export async function unpackArchive(
  tree: DigestedTree,
  source: CopySource,
  dest: ByteString,
  layer: OpenLayer,
  missing: Metadata,
  making: Making,
): Promise<boolean> {
  const path = tree.resolve(source.path);
  if (tree.lstat(path)?.type !== 'file') return false;
  const fd = tree.open(path);
  try {
    if (!(await isArchive(fd))) return false;
    const { path: root } = layer.writer.makeDirectories(dest, { ...missing, mode: 0o755 });
    const what = `the archive ${textFromBytes(source.name)}`;
    const allowance = layer.allow(fstatSync(fd).size, what);
    const archive = new TarReader(allowance.bound(decompress(chunksOf(fd))), { what });
    const unpacking = new Unpacking(layer, root === '/' ? '' : root, making, source.name, allowance);
    try {
      await unpacking.all(archive);
    } finally {
      await archive.close();
    }
    return true;
  } finally {
    closeSync(fd);
  }
}

/** Whether the file starts with a tar entry, as it is or after decompression. */
async function isArchive(fd: number): Promise<boolean> {
  const start = Buffer.alloc(512);
  const count = readSync(fd, start, 0, start.length, 0);
  // All but tiny archives have a block of 512 bytes at least, unless they are compressed.
  if (count === 0 || (count < 512 && detectCompression(start.subarray(0, count)) === 'none')) return false;
  const reader = new TarReader(decompress(chunksOf(fd)));
  try {
    return (await reader.next()) !== undefined;
  } catch (error) {
    if (error instanceof StagecraftError && error.code === 'integrity') return false;
    throw error;
  } finally {
    await reader.close();
  }
}

function* chunksOf(fd: number): Generator<Uint8Array, void, undefined> {
  for (let position = 0; ; ) {
    const chunk = Buffer.allocUnsafe(1 << 18);
    const count = readSync(fd, chunk, 0, chunk.length, position);
    if (count === 0) return;
    yield chunk.subarray(0, count);
    position += count;
  }
}

type TarEntry = NonNullable<Awaited<ReturnType<TarReader['next']>>>;

/** Puts the entries of an archive below a directory of a draft. */
class Unpacking {
  readonly #layer: OpenLayer;
  /** Path of the directory; empty for `/`. */
  readonly #root: ByteString;
  readonly #making: Making;
  readonly #archive: ByteString;
  readonly #allowance: Allowance;
  /** The draft's files as they are seen in a chroot at the directory. */
  readonly #inside: Pick<FileTree, 'lstat' | 'readlink'>;

  constructor(layer: OpenLayer, root: ByteString, making: Making, archive: ByteString, allowance: Allowance) {
    this.#layer = layer;
    this.#root = root;
    this.#making = making;
    this.#archive = archive;
    this.#allowance = allowance;
    const { tree } = layer.writer;
    this.#inside = {
      lstat: path => tree.lstat(root + path),
      readlink: path => tree.readlink(root + path),
    };
  }

  async all(archive: TarReader): Promise<void> {
    for (let entry = await archive.next(); entry !== undefined; entry = await archive.next()) {
      if (this.#making.pace.due) await this.#making.pace.rest();
      this.#allowance.spend(entry.name, entry.size);
      const name = clean(entry.name);
      if (name !== '/') await this.#put(this.#place(name), entry, archive);
    }
  }

  /** The path in the draft for a name in the archive; makes what is missing above it. */
  #place(name: ByteString): ByteString {
    const parent = resolvePath(this.#inside, parentOf(name));
    if (parent !== '/')
      this.#layer.writer.makeDirectories(this.#root + parent, {
        mode: 0o755,
        uid: 0,
        gid: 0,
        mtimeNs: unsetTimeNs,
      });
    return `${this.#root}${parent === '/' ? '' : parent}${name.slice(name.lastIndexOf('/'))}`;
  }

  async #put(path: ByteString, entry: TarEntry, archive: TarReader): Promise<void> {
    const { writer, table } = this.#layer;
    table.forget(path);
    const metadata = {
      mode: entry.mode,
      uid: this.#making.owner?.uid ?? entry.uid,
      gid: this.#making.owner?.gid ?? entry.gid,
      mtimeNs: entry.mtimeNs,
      xattrs: entry.xattrs,
    };
    switch (entry.type) {
      case 'directory':
        writer.putDirectory(path, metadata);
        return;
      case 'symlink':
        writer.putSymlink(path, entry.linkname, metadata);
        return;
      case 'char':
      case 'block':
      case 'fifo':
        writer.putNode(path, entry.type, { major: entry.major, minor: entry.minor }, metadata);
        return;
      case 'hardlink':
        this.#link(path, entry);
        return;
      case 'file':
        await this.#putFile(path, entry, archive, metadata);
    }
  }

  #link(path: ByteString, entry: TarEntry): void {
    const { writer } = this.#layer;
    const target = clean(entry.linkname);
    const existing =
      this.#root + resolvePath(this.#inside, parentOf(target)) + target.slice(target.lastIndexOf('/'));
    const found = writer.tree.lstat(clean(existing));
    if (found === undefined || found.type === 'directory')
      throw new StagecraftError(
        'integrity',
        `The archive ${textFromBytes(this.#archive)} links ${textFromBytes(entry.name)} to ${textFromBytes(entry.linkname)}, which is no file of it.`,
      );
    writer.putHardLink(path, clean(existing));
  }

  async #putFile(path: ByteString, entry: TarEntry, archive: TarReader, metadata: Metadata): Promise<void> {
    const file = this.#layer.writer.createFile(path, metadata);
    try {
      for (let part = await archive.read(); part !== undefined; part = await archive.read()) {
        const { bytes, position } = part;
        for (let written = 0; written < bytes.length; )
          written += writeSync(file.fd, bytes, written, bytes.length - written, position + written);
      }
      ftruncateSync(file.fd, entry.size);
    } finally {
      file.close();
    }
  }
}
