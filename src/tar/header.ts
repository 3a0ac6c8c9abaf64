import type { ByteString } from '../util/bytes.ts';

export const blockSize = 512;

export type TarEntryType = 'file' | 'hardlink' | 'symlink' | 'char' | 'block' | 'directory' | 'fifo';

/** What an archive tells of one entry, whatever of its dialects told it. */
export interface TarHeader {
  /** As stored, without the slash that ends the name of a directory. */
  readonly name: ByteString;
  readonly type: TarEntryType;
  /** Permission bits with set-id and sticky: `0o7777` at most. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content, holes counted; 0 for all but files. */
  readonly size: number;
  /** Nanoseconds since the epoch. */
  readonly mtimeNs: bigint;
  /** The target of a symlink, or the name of the entry that a hard link repeats. */
  readonly linkname: ByteString;
  /** Device number of `char` and `block`. */
  readonly major: number;
  readonly minor: number;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
}

/** Why a header could not be read; the reader adds which archive and where. */
export class HeaderError extends Error {}

/** The fields of one 512-byte block, before extended headers had their say. */
export interface HeaderBlock {
  name: ByteString;
  linkname: ByteString;
  typeflag: string;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  mtime: number;
  major: number;
  minor: number;
  /** True for GNU's own form, in which the room of the prefix holds other things. */
  gnu: boolean;
}

/** True for a block of zeros: two of them end an archive. */
export function isZeroBlock(block: Buffer): boolean {
  for (let i = 0; i < blockSize; i++) if (block[i] !== 0) return false;
  return true;
}

/** Reads a ustar, GNU or V7 header (POSIX.1-2024, pax, "ustar Interchange Format"). */
export function decodeHeader(block: Buffer): HeaderBlock {
  verifyChecksum(block);
  const magic = block.toString('latin1', 257, 265);
  const gnu = magic === 'ustar  \0';
  const ustar = magic.startsWith('ustar\0');
  let name = field(block, 0, 100);
  if (ustar) {
    const isStar = block.toString('latin1', 508, 512) === 'tar\0';
    const prefix = field(block, 345, isStar ? 131 : 155);
    if (prefix !== '') name = `${prefix}/${name}`;
  }
  return {
    name,
    mode: number(block, 100, 8, 'mode'),
    uid: number(block, 108, 8, 'owner'),
    gid: number(block, 116, 8, 'group'),
    size: number(block, 124, 12, 'size'),
    mtime: number(block, 136, 12, 'time'),
    typeflag: String.fromCharCode(block[156]!),
    linkname: field(block, 157, 100),
    major: gnu || ustar ? number(block, 329, 8, 'device') : 0,
    minor: gnu || ustar ? number(block, 337, 8, 'device') : 0,
    gnu,
  };
}

function verifyChecksum(block: Buffer): void {
  let unsigned = 8 * 32;
  let signed = 8 * 32;
  for (let i = 0; i < blockSize; i++) {
    if (i === 148) i = 156;
    const byte = block[i]!;
    unsigned += byte;
    signed += byte < 128 ? byte : byte - 256;
  }
  const expected = number(block, 148, 8, 'checksum');
  // Some historic writers summed signed characters.
  if (expected !== unsigned && expected !== signed) throw new HeaderError('a header has a wrong checksum');
}

function field(block: Buffer, start: number, length: number): ByteString {
  let end = start;
  while (end < start + length && block[end] !== 0) end++;
  return block.toString('latin1', start, end);
}

/** A numeric field: octal digits, or base-256 where the first bit is set (a GNU extension that star and Go share). */
export function number(block: Buffer, start: number, length: number, what: string): number {
  if (block[start]! & 0x80) return base256(block, start, length, what);
  let i = start;
  const end = start + length;
  while (i < end && (block[i] === 0x20 || block[i] === 0)) i++;
  let value = 0;
  for (; i < end; i++) {
    const byte = block[i]!;
    if (byte === 0x20 || byte === 0) break;
    if (byte < 0x30 || byte > 0x37) throw new HeaderError(`a header has a malformed ${what}`);
    value = value * 8 + byte - 0x30;
  }
  return value;
}

function base256(block: Buffer, start: number, length: number, what: string): number {
  const negative = (block[start]! & 0x40) !== 0;
  // Two's complement without its first bit, which only marks the form.
  let value = BigInt(block[start]! & 0x7f);
  for (let i = 1; i < length; i++) value = (value << 8n) | BigInt(block[start + i]!);
  if (negative) value -= 1n << BigInt(length * 8 - 1);
  const result = Number(value);
  if (!Number.isSafeInteger(result)) throw new HeaderError(`a header has a ${what} out of range`);
  return result;
}

const typeflags: Record<TarEntryType, number> = {
  file: 0x30,
  hardlink: 0x31,
  symlink: 0x32,
  char: 0x33,
  block: 0x34,
  directory: 0x35,
  fifo: 0x36,
};

/** The largest numbers that octal digits hold in fields of 8 and of 12 bytes. */
export const maxOctal8 = 0o7777777;
export const maxOctal12 = 0o77777777777;

/**
 * Writes a ustar header into a zeroed block. Names longer than their field are cut, numbers that do not fit are
 * written as 0: the extended header before it then has the whole ({@link TarHeader} to PAX records in `pax.ts`).
 * `typeflag` may also be that of an extended header.
 */
export function encodeHeader(
  block: Buffer,
  header: {
    name: ByteString;
    prefix?: ByteString;
    linkname: ByteString;
    typeflag: TarEntryType | 'x';
    mode: number;
    uid: number;
    gid: number;
    size: number;
    /** Seconds. */
    mtime: number;
    major: number;
    minor: number;
  },
): void {
  block.write(header.name, 0, 100, 'latin1');
  octal(block, 100, 8, header.mode);
  octal(block, 108, 8, header.uid);
  octal(block, 116, 8, header.gid);
  octal(block, 124, 12, header.size);
  octal(block, 136, 12, header.mtime);
  block[156] = header.typeflag === 'x' ? 0x78 : typeflags[header.typeflag];
  block.write(header.linkname, 157, 100, 'latin1');
  block.write('ustar\x0000', 257, 8, 'latin1');
  // Go leaves them out of extended headers, and so does BuildKit.
  if (header.typeflag !== 'x') {
    octal(block, 329, 8, header.major);
    octal(block, 337, 8, header.minor);
  }
  if (header.prefix !== undefined) block.write(header.prefix, 345, 155, 'latin1');
  let sum = 8 * 32;
  for (let i = 0; i < blockSize; i++) sum += block[i]!;
  octal(block, 148, 7, sum);
  block[155] = 0x20;
}

function octal(block: Buffer, start: number, length: number, value: number): void {
  const most = length === 12 ? maxOctal12 : maxOctal8;
  let rest = value < 0 || value > most ? 0 : value;
  for (let i = start + length - 2; i >= start; i--) {
    block[i] = 0x30 + (rest % 8);
    rest = Math.floor(rest / 8);
  }
}

/** Splits a long name into the ustar fields prefix and name, at a slash; nothing where it does not fit. */
export function splitName(name: ByteString): { prefix?: ByteString; name: ByteString } | undefined {
  if (name.length <= 100) return { name };
  if (name.length > 256) return undefined;
  const slash = name.lastIndexOf('/', Math.min(155, name.length - 2));
  if (slash < 1 || name.length - slash - 1 > 100) return undefined;
  return { prefix: name.slice(0, slash), name: name.slice(slash + 1) };
}
