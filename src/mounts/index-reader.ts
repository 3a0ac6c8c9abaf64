import type { Allowance } from '../snapshot/allowance.ts';
import { isImageXattr } from '../snapshot/overlay.ts';
import type { Metadata } from '../snapshot/types.ts';
import { type ByteString, textFromBytes } from '../util/bytes.ts';
import { isDigest } from '../util/digest.ts';
import { type ErrorCode, StagecraftError } from '../util/errors.ts';
import { pieceSizes } from './cut.ts';
import { packLimits } from './pack.ts';
import type { MountEntry, MountIndex, Pack, Piece } from './types.ts';

/** The kernel's limits for a name and a path: limits.h. */
const longestName = 255;
const longestPath = 4095;
/** Pieces that all files may name together: those of some terabytes. */
const mostPlaces = 4 << 20;
const mostAttributes = 64;
const largestAttribute = 65536;

/** How much the files may have together, where their packs have so many bytes. */
export type Allow = (packed: number) => Allowance;

/** Puts an index together from its lines, in their order. */
export class IndexReader {
  readonly #name: string;
  readonly #allow: Allow;
  readonly #packs: Pack[] = [];
  readonly #pieces: Piece[] = [];
  readonly #entries: MountEntry[] = [];
  readonly #types = new Map<ByteString, MountEntry['type']>();
  readonly #digests = new Set<string>();
  #allowance: Allowance | undefined;
  #isNamed = false;
  #places = 0;

  constructor(name: string, allow: Allow) {
    this.#name = name;
    this.#allow = allow;
  }

  add(line: Record<string, unknown>): void {
    if (!this.#isNamed) this.#readName(line);
    else if (line.pack !== undefined) this.#addPack(line);
    else this.#addEntry(line);
  }

  finish(): MountIndex {
    if (this.#entries.length === 0) throw refuse('has no entry');
    return { name: this.#name, packs: this.#packs, entries: this.#entries };
  }

  #readName({ cacheMount, version }: Record<string, unknown>): void {
    if (version !== 1) throw refuse(`has the version ${JSON.stringify(version)}, not 1`, 'unsupported');
    if (cacheMount !== this.#name)
      throw refuse(`is that of ${JSON.stringify(cacheMount)}, not of ${JSON.stringify(this.#name)}`);
    this.#isNamed = true;
  }

  #addPack({ pack, size, pieces }: Record<string, unknown>): void {
    if (this.#entries.length > 0) throw refuse('has a pack behind an entry');
    if (typeof pack !== 'string' || !isDigest(pack)) throw refuse('has a pack without a SHA-256 digest');
    if (this.#digests.has(pack)) throw refuse(`has the pack ${pack} twice`);
    this.#digests.add(pack);
    const read = listOf(pieces, packLimits.pieces).map((piece): Piece => {
      const [sha256, length] = listOf(piece, 2);
      if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256))
        throw refuse(`has a piece without a digest in ${pack}`);
      return { sha256, length: numberOf(length, 1, pieceSizes.most) };
    });
    const plain = read.reduce((sum, { length }) => sum + length, 0);
    if (plain === 0 || plain > packLimits.plain) throw refuse(`has ${plain} bytes in the pack ${pack}`);
    this.#packs.push({ digest: pack, size: numberOf(size, 1, packLimits.sent), pieces: read });
    for (const piece of read) this.#pieces.push(piece);
  }

  #addEntry(line: Record<string, unknown>): void {
    const path = this.#pathOf(line.path);
    const entry = this.#entryAt(path, line);
    this.#allowance ??= this.#allow(this.#packs.reduce((sum, { size }) => sum + size, 0));
    const pieces = entry.type === 'file' ? entry.pieces : [];
    this.#allowance.spend(
      path,
      pieces.reduce((sum, { length }) => sum + length, 0),
    );
    this.#types.set(path, entry.type);
    this.#entries.push(entry);
  }

  /** A path that has no other way to be read, and leads through directories only. */
  #pathOf(path: unknown): ByteString {
    if (typeof path !== 'string' || !isBytes(path)) throw refuse('has an entry without a path');
    const at = `has the path ${JSON.stringify(textFromBytes(path.slice(0, 300)))}`;
    if (this.#types.has(path)) throw refuse(`${at} twice`);
    if (path === '') return path;
    if (path.length > longestPath) throw refuse(`${at}, which is too long`);
    for (const part of path.split('/'))
      if (part === '' || part === '.' || part === '..')
        throw refuse(`${at}, which leads elsewhere`, 'confined');
      else if (part.length > longestName) throw refuse(`${at}, which is too long`);
    const slash = path.lastIndexOf('/');
    if (this.#types.get(slash < 0 ? '' : path.slice(0, slash)) !== 'directory')
      throw refuse(`${at}, whose directory is none`);
    return path;
  }

  #entryAt(path: ByteString, line: Record<string, unknown>): MountEntry {
    const { type } = line;
    if (path === '' && type !== 'directory') throw refuse('is not that of a directory');
    switch (type) {
      case 'directory':
        return { path, type, metadata: metadataOf(line) };
      case 'symlink':
        return { path, type, metadata: metadataOf(line), target: targetOf(line.target) };
      case 'link': {
        const target = targetOf(line.target);
        if (this.#types.get(target) !== 'file') throw refuse('has a hard link to what is no file before it');
        return { path, type, target };
      }
      case 'file': {
        const places = listOf(line.pieces, mostPlaces - this.#places);
        this.#places += places.length;
        const pieces = places.map(place => this.#pieces[numberOf(place, 0, this.#pieces.length - 1)]!);
        return { path, type, metadata: metadataOf(line), pieces };
      }
      default:
        throw refuse(`has an entry of the type ${JSON.stringify(type)}`);
    }
  }
}

function metadataOf({ mode, uid, gid, mtime, xattrs }: Record<string, unknown>): Metadata {
  if (typeof mtime !== 'string' || !/^-?[0-9]{1,19}$/.test(mtime))
    throw refuse('has an entry without a time');
  const metadata = {
    mode: numberOf(mode, 0, 0o7777),
    uid: numberOf(uid, 0, 0xffff_fffe),
    gid: numberOf(gid, 0, 0xffff_fffe),
    mtimeNs: BigInt(mtime),
  };
  if (xattrs === undefined) return metadata;
  const all = Object.entries(xattrs ?? {});
  if (all.length > mostAttributes) throw refuse('has an entry with too many attributes');
  const read = all.map(([name, value]): [string, Uint8Array] => {
    if (!isImageXattr(name) || name.length > longestName || typeof value !== 'string' || !isBytes(name))
      throw refuse(`has the attribute ${JSON.stringify(name.slice(0, 300))}, which none may have`);
    const bytes = Buffer.from(value, 'base64');
    if (bytes.length > largestAttribute) throw refuse('has an attribute that is too large');
    return [name, bytes];
  });
  return { ...metadata, xattrs: new Map(read) };
}

function targetOf(target: unknown): ByteString {
  if (typeof target === 'string' && target !== '' && target.length <= longestPath && isBytes(target))
    return target;
  throw refuse('has a link without a target');
}

/** What can be a byte string that the kernel takes: each character a byte, none of them NUL. */
function isBytes(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all bytes but NUL may be in a name.
  return /^[\u0001-\u00ff]*$/.test(text);
}

function listOf(value: unknown, most: number): unknown[] {
  if (Array.isArray(value) && value.length <= most) return value;
  throw refuse('has a list that is none, or too long');
}

function numberOf(value: unknown, least: number, most: number): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most)
    return value;
  throw refuse(`has ${JSON.stringify(value)} where it needs a number from ${least} to ${most}`);
}

export function refuse(problem: string, code: ErrorCode = 'integrity'): StagecraftError {
  return new StagecraftError(code, `The index of a cache mount ${problem}.`);
}
