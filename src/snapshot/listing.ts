import { type Dirent, readdirSync } from 'node:fs';
import { type ByteString, bytesFromText, fsPath } from '../util/bytes.ts';
import { isOpaque, isWhiteout } from './overlay.ts';
import { join } from './tree.ts';
import type { EntryType } from './types.ts';

/** What a directory of a layer holds: overlayfs's upper form has whiteouts among its entries. */
export type Listing = Map<ByteString, EntryType | 'whiteout'>;

/** Reads a directory of a layer or a draft on disk. */
export function readListing(place: ByteString): Listing {
  const listing: Listing = new Map();
  for (const entry of readdirSync(fsPath(place), { withFileTypes: true, encoding: 'latin1' })) {
    const type = typeOf(entry);
    listing.set(entry.name, type === 'char' && isWhiteout(join(place, entry.name)) ? 'whiteout' : type);
  }
  return listing;
}

/** The directories of one layer. Each is read once, whichever views stand on the layer: it never changes. */
export class LayerListings {
  readonly dir: ByteString;
  readonly #listings = new Map<ByteString, Listing>();
  readonly #opaque = new Map<ByteString, boolean>();

  /** `dir`: its root on disk. */
  constructor(dir: string) {
    this.dir = bytesFromText(dir);
  }

  list(path: ByteString): Listing {
    let listing = this.#listings.get(path);
    if (listing === undefined) {
      listing = readListing(this.dir + path);
      this.#listings.set(path, listing);
    }
    return listing;
  }

  /** True for a directory that hides those of its name below. */
  isOpaque(path: ByteString): boolean {
    let opaque = this.#opaque.get(path);
    if (opaque === undefined) {
      opaque = isOpaque(this.dir + path);
      this.#opaque.set(path, opaque);
    }
    return opaque;
  }
}

function typeOf(entry: Dirent): EntryType {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  if (entry.isSymbolicLink()) return 'symlink';
  if (entry.isCharacterDevice()) return 'char';
  if (entry.isBlockDevice()) return 'block';
  return entry.isFIFO() ? 'fifo' : 'socket';
}
