import { type BigIntStats, closeSync, constants, lstatSync, openSync, readlinkSync } from 'node:fs';
import { dataRanges } from '../syscall/holes.ts';
import { type TarItem, writeTar } from '../tar/writer.ts';
import { type ByteString, bytesFromText, fsPath } from '../util/bytes.ts';
import { emptyRoot, entryOf } from './entry.ts';
import { readListing } from './listing.ts';
import { imageXattrs, isOpaque } from './overlay.ts';
import { ownership } from './ownership.ts';
import { limitTime } from './times.ts';
import { join, sortNames } from './tree.ts';
import type { Entry, EntryType } from './types.ts';

export interface PackOptions {
  /** Times after this one, in seconds since the epoch, become it, and those that nothing told: `SOURCE_DATE_EPOCH`. */
  readonly latestTime?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The marks of the OCI image specification, layer.md#whiteouts. */
export const whiteoutPrefix = '.wh.';
export const opaqueWhiteout = '.wh..wh..opq';

/**
 * The tar archive, uncompressed, of a layer directory in overlayfs upper form: an OCI layer. Entries are in byte order,
 * whiteouts before their siblings (layer.md#whiteouts), and nothing but the directory decides on the bytes. Sockets
 * are left out: they mean nothing without the process behind them. The root itself is told only where it is not the
 * usual one (0755, root's), since an overlay mount shows the root of its topmost layer; so a layer cannot tell that it
 * made an unusual root usual again.
 */
export function packLayer(dir: string, options: PackOptions = {}): AsyncIterable<Uint8Array> {
  return writeTar(new Packer(bytesFromText(dir), options).items(), options);
}

class Packer {
  readonly #dir: ByteString;
  readonly #latest: number | undefined;
  /** Names of files with several links, by inode number: the first counts. */
  readonly #links = new Map<bigint, ByteString>();
  readonly #owners = ownership();

  constructor(dir: ByteString, options: PackOptions) {
    this.#dir = dir;
    this.#latest = options.latestTime;
  }

  *items(): Generator<TarItem> {
    const root = this.#header('', '', 'directory', this.#stat(this.#dir));
    const { mode, uid, gid } = emptyRoot;
    if (root.mode !== mode || root.uid !== uid || root.gid !== gid || root.xattrs.size > 0)
      yield { header: { ...root, name: './' } };
    yield* this.#below('');
  }

  *#below(path: ByteString): Generator<TarItem> {
    const place = path === '' ? this.#dir : join(this.#dir, path);
    const types = new Map<ByteString, EntryType>();
    const whiteouts: ByteString[] = [];
    for (const [name, type] of readListing(place))
      if (type === 'whiteout') whiteouts.push(name);
      else if (type !== 'socket') types.set(name, type);
    const prefix = path === '' ? '' : `${path}/`;
    // One mark hides all that the others could.
    if (isOpaque(place)) yield whiteout(prefix + opaqueWhiteout);
    else for (const name of sortNames(whiteouts)) yield whiteout(prefix + whiteoutPrefix + name);
    for (const name of sortNames([...types.keys()])) yield* this.#entry(prefix + name, types.get(name)!);
  }

  *#entry(path: ByteString, type: EntryType): Generator<TarItem> {
    const place = join(this.#dir, path);
    const stat = this.#stat(place);
    const first = stat.nlink > 1n && type !== 'directory' ? this.#links.get(stat.ino) : undefined;
    const header = this.#header(path, place, type, stat);
    if (first !== undefined) {
      // With the metadata again: some who unpack set the owner of a link, which takes capabilities from the file.
      yield { header: { ...header, type: 'hardlink', size: 0, linkname: first } };
      return;
    }
    if (stat.nlink > 1n && type !== 'directory') this.#links.set(stat.ino, path);
    if (type === 'symlink') yield { header: { ...header, linkname: readlinkSync(fsPath(place), 'latin1') } };
    else if (type === 'file' && header.size > 0) yield* file(header, place, stat);
    else yield { header };
    if (type === 'directory') yield* this.#below(path);
  }

  #stat(place: ByteString): BigIntStats {
    return lstatSync(fsPath(place), { bigint: true });
  }

  #header(path: ByteString, place: ByteString, type: EntryType, stat: BigIntStats) {
    const entry: Entry = entryOf(stat, place || this.#dir, this.#owners);
    return {
      name: path,
      type: type as Exclude<EntryType, 'socket'>,
      mode: entry.mode,
      uid: entry.uid,
      gid: entry.gid,
      size: entry.size,
      mtimeNs: limitTime(entry.mtimeNs, this.#latest),
      major: entry.rdev.major,
      minor: entry.rdev.minor,
      // The kernel lets no symlink have any that an image keeps.
      xattrs: type === 'symlink' ? noXattrs : imageXattrs(place || this.#dir),
    };
  }
}

const noXattrs = new Map();

function* file(header: TarItem['header'], place: ByteString, stat: BigIntStats): Generator<TarItem> {
  const fd = openSync(fsPath(place), constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const isSparse = stat.blocks * 512n < stat.size;
    yield { header, content: isSparse ? { fd, runs: dataRanges(fd, Number(stat.size)) } : { fd } };
  } finally {
    closeSync(fd);
  }
}

function whiteout(name: ByteString): TarItem {
  return { header: { name, type: 'file', mode: 0, size: 0 } };
}
