import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
} from 'node:fs';
import { entryOf } from '../snapshot/entry.ts';
import { imageXattrs } from '../snapshot/overlay.ts';
import { ownership } from '../snapshot/ownership.ts';
import type { Entry, Metadata } from '../snapshot/types.ts';
import type { ContextDigests } from '../source/context-digests.ts';
import type { Descent } from '../source/descent.ts';
import { type ByteString, fsPath } from '../util/bytes.ts';
import { digestHex, digestOf } from '../util/digest.ts';
import { isErrno } from '../util/errors.ts';
import type { Pace } from '../util/pace.ts';
import { cutLength, pieceSizes } from './cut.ts';
import type { MountEntry, MountIndex, Piece } from './types.ts';

/** What one name of a file's content is: that of its only piece, or one made of the names of all. */
export function contentOf(pieces: readonly Piece[]): string {
  if (pieces.length === 1) return pieces[0]!.sha256;
  return digestHex(digestOf(pieces.map(({ sha256 }) => sha256).join(' ')));
}

/** How files are opened: what has become a pipe meanwhile makes nobody wait. */
export const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** A path for `node:fs` that leads nowhere else, whatever others do to the directories on it; valid until the next one. */
export function placeIn(descent: Descent, path: ByteString): ByteString {
  if (path === '') return `${descent.enter('/').prefix}.`;
  const slash = path.lastIndexOf('/');
  const { prefix } = descent.enter(slash < 0 ? '/' : `/${path.slice(0, slash)}`);
  return prefix + path.slice(slash + 1);
}

/**
 * Lists what lies in a directory that others may be writing to. Files are read and cut into pieces, unless they are as
 * they were when that was done last. What vanishes or changes meanwhile is left out, and so are sockets, pipes and
 * devices: no cache needs them.
 */
export class Scan {
  readonly entries: MountEntry[] = [];
  /** Bytes of all files. */
  size = 0;
  readonly #descent: Descent;
  readonly #digests: ContextDigests;
  readonly #pace: Pace;
  readonly #contents = new Map<string, readonly Piece[]>();
  readonly #links = new Map<string, ByteString>();
  readonly #owners = ownership();
  readonly #buffer = Buffer.allocUnsafeSlow(2 * pieceSizes.most);

  /** @param known how files of known contents are cut */
  constructor(descent: Descent, digests: ContextDigests, known: readonly MountIndex[], pace: Pace) {
    this.#descent = descent;
    this.#digests = digests;
    this.#pace = pace;
    for (const { entries } of known)
      for (const entry of entries)
        if (entry.type === 'file' && lengthOf(entry.pieces) > pieceSizes.least)
          this.#contents.set(contentOf(entry.pieces), entry.pieces);
  }

  async run(): Promise<void> {
    await this.#visit('');
    const paths = new Set(this.entries.map(({ path }) => path));
    this.#digests.save(path => !paths.has(path));
  }

  async #visit(path: ByteString): Promise<void> {
    if (this.#pace.due) await this.#pace.rest();
    try {
      const place = placeIn(this.#descent, path);
      const stat = lstatSync(fsPath(place), { bigint: true, throwIfNoEntry: false });
      if (stat !== undefined) await this.#add(path, place, entryOf(stat, place, this.#owners));
    } catch (error) {
      if (!isErrno(error, 'ENOENT', 'ELOOP', 'ENOTDIR', 'EINVAL', 'ENAMETOOLONG', 'EAGAIN', 'ESPIPE'))
        throw error;
    }
  }

  async #add(path: ByteString, place: ByteString, entry: Entry): Promise<void> {
    const { type } = entry;
    if (type === 'directory') {
      this.entries.push({ path, type, metadata: metadataOf(entry, place) });
      const names = readdirSync(this.#descent.enter(`/${path}`).prefix, 'latin1').sort();
      for (const name of names) await this.#visit(path === '' ? name : `${path}/${name}`);
    } else if (type === 'symlink') {
      const target = readlinkSync(fsPath(place), 'latin1');
      this.entries.push({ path, type, metadata: metadataOf(entry), target });
    } else if (type === 'file') await this.#addFile(path, place, entry);
  }

  async #addFile(path: ByteString, place: ByteString, entry: Entry): Promise<void> {
    const inode = `${entry.dev}:${entry.ino}`;
    const first = entry.nlink > 1 ? this.#links.get(inode) : undefined;
    if (first !== undefined) {
      this.entries.push({ path, type: 'link', target: first });
      return;
    }
    const metadata = metadataOf(entry, place);
    const pieces = this.#remembered(path, entry) ?? (await this.#read(path, place, entry, metadata));
    if (pieces === undefined) return;
    if (entry.nlink > 1) this.#links.set(inode, path);
    this.size += entry.size;
    this.entries.push({ path, type: 'file', metadata, pieces });
  }

  #remembered(path: ByteString, entry: Entry): readonly Piece[] | undefined {
    if (entry.size === 0) return [];
    const known = this.#digests.find(path, entry);
    if (known === undefined) return undefined;
    const pieces = this.#contents.get(known.sha256);
    if (pieces !== undefined) return lengthOf(pieces) === entry.size ? pieces : undefined;
    // Small enough to be one piece for certain.
    return entry.size <= pieceSizes.least ? [{ sha256: known.sha256, length: entry.size }] : undefined;
  }

  async #read(
    path: ByteString,
    place: ByteString,
    entry: Entry,
    metadata: Metadata,
  ): Promise<readonly Piece[] | undefined> {
    const readAt = Date.now();
    const fd = openSync(fsPath(place), readFlags);
    try {
      const pieces = await this.#cut(fd);
      const { ino, size, mtimeNs, ctimeNs } = fstatSync(fd, { bigint: true });
      const isSame = Number(ino) === entry.ino && mtimeNs === entry.mtimeNs && ctimeNs === entry.ctimeNs;
      if (!isSame || Number(size) !== entry.size || lengthOf(pieces) !== entry.size) return undefined;
      const attributes = (metadata.xattrs?.size ?? 0) > 0;
      this.#digests.learn(path, entry, { sha256: contentOf(pieces), attributes }, readAt);
      this.#contents.set(contentOf(pieces), pieces);
      return pieces;
    } finally {
      closeSync(fd);
    }
  }

  async #cut(fd: number): Promise<Piece[]> {
    const pieces: Piece[] = [];
    const buffer = this.#buffer;
    let [from, filled, position, isEnd] = [0, 0, 0, false];
    for (;;) {
      while (!isEnd && filled - from < pieceSizes.most) {
        if (from > 0) buffer.copyWithin(0, from, filled);
        [from, filled] = [0, filled - from];
        const count = readSync(fd, buffer, filled, buffer.length - filled, position);
        filled += count;
        position += count;
        isEnd = count === 0;
      }
      if (from === filled) return pieces;
      const length = cutLength(buffer.subarray(from, filled));
      pieces.push({ sha256: digestHex(digestOf(buffer.subarray(from, from + length))), length });
      from += length;
      if (this.#pace.due) await this.#pace.rest();
    }
  }
}

function metadataOf({ mode, uid, gid, mtimeNs }: Entry, place?: ByteString): Metadata {
  // The kernel lets no symlink have any attributes that an image keeps.
  const xattrs = place === undefined ? undefined : imageXattrs(place);
  return { mode, uid, gid, mtimeNs, ...(xattrs !== undefined && { xattrs }) };
}

function lengthOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}
