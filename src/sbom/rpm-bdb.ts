import { readAt } from '../files/read.ts';

/** Berkeley DB's dbinc/db_page.h: what a file, its pages and their entries begin with. */
const hashMagic = 0x0006_1561;
const pageHead = 26;
const pageTypes = { unsortedHash: 2, hash: 13, overflow: 7 };
const entryTypes = { here: 1, elsewhere: 3 };
const most = { pages: 1 << 22, header: 64 << 20 };

/** One page of a database, with numbers in the order of bytes that the file has. */
interface Page {
  readonly bytes: Buffer;
  readonly type: number;
  readonly next: number;
  /** Of its entries; on a page that an entry goes on on, of bytes. */
  readonly count: number;
  readonly used: number;
  u16(at: number): number;
  u32(at: number): number;
}

/**
 * The headers in a database in Berkeley DB's hash format, `Packages`, as rpm wrote it until 4.15; nothing where the file
 * is none, or is damaged.
 */
export function readBerkeley(fd: number): Buffer[] | undefined {
  const head = readAt(fd, 0, 512);
  if (head.length < 72) return undefined;
  const isLittle = head.readUInt32LE(12) === hashMagic;
  if (!isLittle && head.readUInt32BE(12) !== hashMagic) return undefined;
  const number = (at: number): number => (isLittle ? head.readUInt32LE(at) : head.readUInt32BE(at));
  const [size, last, isEncrypted] = [number(20), number(32), head[24] !== 0];
  const isSize = size >= 512 && size <= 65_536 && Number.isInteger(Math.log2(size));
  if (!isSize || last > most.pages || isEncrypted) return undefined;
  const open = (index: number): Page | undefined => {
    const bytes = readAt(fd, index * size, size);
    if (bytes.length < size) return undefined;
    const u16 = (at: number): number => (isLittle ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
    const u32 = (at: number): number => (isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
    return { bytes, u16, u32, type: bytes[25]!, next: u32(16), count: u16(20), used: u16(22) };
  };
  const values: Buffer[] = [];
  for (let index = 1; index <= last; index++) {
    const page = open(index);
    if (page === undefined) return undefined;
    if (page.type !== pageTypes.hash && page.type !== pageTypes.unsortedHash) continue;
    const found = valuesOn(page, size, open);
    if (found === undefined) return undefined;
    values.push(...found);
  }
  // The value of key 0 is the number of the last package, four bytes long.
  return values.filter(value => value.length > 4);
}

/** Keys and values stand in turn, from the end of the page to its middle. */
function valuesOn(page: Page, size: number, open: (index: number) => Page | undefined): Buffer[] | undefined {
  const values: Buffer[] = [];
  if (pageHead + 2 * page.count > size) return undefined;
  for (let i = 1; i < page.count; i += 2) {
    const start = page.u16(pageHead + 2 * i);
    const end = page.u16(pageHead + 2 * (i - 1));
    if (start < pageHead || start >= end || end > size) return undefined;
    const type = page.bytes[start]!;
    if (type === entryTypes.here) values.push(page.bytes.subarray(start + 1, end));
    else if (type === entryTypes.elsewhere && start + 12 <= size) {
      const value = readChain(page.u32(start + 4), page.u32(start + 8), open);
      if (value === undefined) return undefined;
      values.push(value);
    }
  }
  return values;
}

/** A value that is longer than a page goes on over others. */
function readChain(
  first: number,
  length: number,
  open: (index: number) => Page | undefined,
): Buffer | undefined {
  if (length > most.header) return undefined;
  const parts: Buffer[] = [];
  let read = 0;
  for (let index = first; read < length; ) {
    const page = index === 0 ? undefined : open(index);
    if (page === undefined || page.type !== pageTypes.overflow || page.used === 0) return undefined;
    parts.push(page.bytes.subarray(pageHead, pageHead + page.used));
    read += page.used;
    index = page.next;
  }
  return read === length ? Buffer.concat(parts) : undefined;
}
