import {
  chmodSync,
  closeSync,
  constants,
  linkSync,
  mkdirSync,
  openSync,
  readlinkSync,
  symlinkSync,
} from 'node:fs';
import { copyRange } from '../syscall/copy.ts';
import { makeNode } from '../syscall/nodes.ts';
import { setTimes } from '../syscall/times.ts';
import { setXattr } from '../syscall/xattrs.ts';
import { type ByteString, bytesFromText, fsPath } from '../util/bytes.ts';
import { isErrno } from '../util/errors.ts';
import { readEntry } from './entry.ts';
import { readListing } from './listing.ts';
import { imageXattrs, isOpaque, makeOpaque, makeWhiteout } from './overlay.ts';
import { ownership } from './ownership.ts';
import { join } from './tree.ts';
import type { Entry, EntryType } from './types.ts';

/** What one name comes to in the merged layers. */
interface Part {
  type: EntryType | 'whiteout';
  /** Places on disk, topmost first; more than one only for a directory. */
  places: ByteString[];
  /** True once the directory hides all that lies below the merged layers. */
  opaque: boolean;
}

/**
 * Puts layers on top of each other into one empty directory, base first, so that it stands for all of them in a mount.
 * Whiteouts and opaque directories stay, since more may lie below, unless the result `isBase`: then they must go, for in
 * a directory with nothing below it overlayfs lists whiteouts as if they were files. Files are linked, not copied, where
 * the file system allows. The result is for mounting only: files that two of the layers share look like hard links.
 */
export function mergeLayers(dirs: readonly string[], target: string, options: { isBase: boolean }): void {
  const places = dirs.map(bytesFromText).reverse();
  const root = bytesFromText(target);
  mergeInto(root, places, options.isBase);
  if (places[0] !== undefined) dress(root, places[0]);
}

function mergeInto(target: ByteString, places: readonly ByteString[], isBase: boolean): void {
  for (const [name, part] of partsOf(places)) {
    const place = join(target, name);
    const source = part.places[0]!;
    if (part.type === 'whiteout') {
      if (!isBase) makeWhiteout(place);
    } else if (part.type === 'directory') {
      mkdirSync(fsPath(place), 0o700);
      if (part.opaque && !isBase) makeOpaque(place);
      // Nothing below shows through, so that its whiteouts hide nothing.
      mergeInto(place, part.places, isBase || part.opaque);
      dress(place, source);
    } else if (part.type !== 'socket') linkOrCopy(source, place, part.type);
  }
}

function partsOf(places: readonly ByteString[]): Map<ByteString, Part> {
  const parts = new Map<ByteString, Part>();
  for (const directory of places) {
    for (const [name, type] of readListing(directory)) {
      const place = join(directory, name);
      const above = parts.get(name);
      if (above === undefined)
        parts.set(name, { type, places: [place], opaque: type === 'directory' && isOpaque(place) });
      else if (above.type === 'directory' && !above.opaque) {
        if (type === 'directory') above.places.push(place);
        above.opaque = type !== 'directory' || isOpaque(place);
      }
    }
  }
  return parts;
}

function linkOrCopy(source: ByteString, place: ByteString, type: EntryType): void {
  try {
    linkSync(fsPath(source), fsPath(place));
    return;
  } catch (error) {
    if (!isErrno(error, 'EXDEV', 'EMLINK', 'EPERM')) throw error;
  }
  if (type === 'symlink') symlinkSync(readlinkSync(fsPath(source), 'buffer'), fsPath(place));
  else if (type === 'file') copyFile(source, place);
  else {
    const { rdev } = readEntry(source)!;
    makeNode(place, type as 'char' | 'block' | 'fifo', 0o600, rdev.major, rdev.minor);
  }
  dress(place, source);
}

function copyFile(source: ByteString, place: ByteString): void {
  const from = openSync(fsPath(source), constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const to = openSync(fsPath(place), constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600);
    try {
      copyRange(from, to);
    } finally {
      closeSync(to);
    }
  } finally {
    closeSync(from);
  }
}

/** Gives a place all the metadata of another. */
function dress(place: ByteString, source: ByteString): void {
  const entry: Entry = readEntry(source)!;
  ownership().write(place, entry.type, entry);
  for (const [name, value] of imageXattrs(source)) setXattr(place, name, value);
  if (entry.type !== 'symlink') chmodSync(fsPath(place), entry.mode);
  setTimes(place, entry.mtimeNs);
}
