import { inflateRawSync } from 'node:zlib';

/** Bytes at places: an open file, or what was unpacked from another archive. */
export interface Bytes {
  readonly size: number;
  /** Fewer at the end. */
  read(offset: number, length: number): Buffer;
}

/** Where the content of an entry lies. */
export interface ZipPlace {
  readonly method: number;
  /** Bytes in the archive, and unpacked. */
  readonly packed: number;
  readonly size: number;
  /** Of the entry's own header. */
  readonly start: number;
}

export interface ZipEntry {
  readonly name: string;
  readonly place: ZipPlace;
  /** Bytes, unpacked; what the archive claims. */
  readonly size: number;
  /** The content; nothing if it is damaged, packed by an unusual method, or longer than the limit. */
  content(limit: number): Buffer | undefined;
}

const signature = { local: 0x04034b50, central: 0x02014b50, end: 0x06054b50, end64: 0x06064b50 };
/** The end record has a comment of two bytes' length behind it at most. */
const endSize = 22 + 0xffff;
/** Bytes of the central directory that are read. */
const mostDirectory = 32 << 20;

/** The entries of a zip archive by its central directory: APPNOTE.TXT 4.3. Empty if it is none, or is damaged. */
export function readZip(bytes: Bytes): ZipEntry[] {
  return [...eachEntry(bytes, mostDirectory)];
}

/** The entries one after the other. @param limit bytes of a central directory that are read */
export function* eachEntry(bytes: Bytes, limit: number): Generator<ZipEntry> {
  const place = findDirectory(bytes);
  if (place === undefined || place.size > limit) return;
  const directory = bytes.read(place.offset, place.size);
  for (let at = 0; at + 46 <= directory.length && directory.readUInt32LE(at) === signature.central; ) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map(field =>
      directory.readUInt16LE(at + field),
    ) as [number, number, number];
    const [packed, size, start] = [20, 24, 42].map(field => directory.readUInt32LE(at + field)) as [
      number,
      number,
      number,
    ];
    const method = directory.readUInt16LE(at + 10);
    const name = directory.toString('utf8', at + 46, at + 46 + nameLength);
    const entry = { method, packed, size, start };
    yield {
      name,
      place: entry,
      size,
      content: limit => (size > limit ? undefined : unpack(bytes, entry)),
    };
    at += 46 + nameLength + extraLength + commentLength;
  }
}

function findDirectory(bytes: Bytes): { offset: number; size: number } | undefined {
  const from = Math.max(0, bytes.size - endSize);
  const tail = bytes.read(from, bytes.size - from);
  for (let at = tail.length - 22; at >= 0; at--) {
    if (tail.readUInt32LE(at) !== signature.end) continue;
    const [size, offset] = [tail.readUInt32LE(at + 12), tail.readUInt32LE(at + 16)];
    return offset === 0xffffffff || tail.readUInt16LE(at + 10) === 0xffff
      ? findLargeDirectory(bytes, tail, at)
      : { offset, size };
  }
  return undefined;
}

/** Zip64: its end record is where the locator before the old one says. */
function findLargeDirectory(
  bytes: Bytes,
  tail: Buffer,
  end: number,
): { offset: number; size: number } | undefined {
  if (end < 20) return undefined;
  const place = Number(tail.readBigUInt64LE(end - 20 + 8));
  if (place > bytes.size) return undefined;
  const record = bytes.read(place, 56);
  if (record.length < 56 || record.readUInt32LE(0) !== signature.end64) return undefined;
  return { size: Number(record.readBigUInt64LE(40)), offset: Number(record.readBigUInt64LE(48)) };
}

/** The content of an entry; nothing if it is damaged, or packed by an unusual method. */
export function unpack(bytes: Bytes, { method, packed, size, start }: ZipPlace): Buffer | undefined {
  const header = bytes.read(start, 30);
  if (header.length < 30 || header.readUInt32LE(0) !== signature.local) return undefined;
  const at = start + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  const data = bytes.read(at, Math.min(packed, bytes.size));
  if (data.length !== packed) return undefined;
  if (method === 0) return data;
  if (method !== 8) return undefined;
  try {
    return inflateRawSync(data, { maxOutputLength: Math.max(1, size) });
  } catch {
    return undefined;
  }
}
