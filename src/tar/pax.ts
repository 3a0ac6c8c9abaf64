import type { ByteString } from '../util/bytes.ts';
import { HeaderError, maxOctal8, maxOctal12, splitName, type TarHeader } from './header.ts';

/** The prefix of records that carry extended attributes, as star, GNU tar, Go and libarchive write them. */
const xattrPrefix = 'SCHILY.xattr.';
const second = 1_000_000_000n;

/** One `key=value` of an extended header, in order: sparse maps repeat their keys. */
export type PaxRecord = readonly [key: string, value: Buffer];

/**
 * Reads the records of an extended header: each is its length in decimal, a space, `key=value` and a line feed
 * (POSIX.1-2024, pax, "pax Header Block").
 */
export function decodeRecords(data: Buffer): PaxRecord[] {
  const records: PaxRecord[] = [];
  let at = 0;
  while (at < data.length) {
    const space = data.indexOf(0x20, at);
    const digits = space < 0 ? '' : data.toString('latin1', at, Math.min(space, at + 8));
    const length = /^[0-9]{1,7}$/.test(digits) ? Number(digits) : 0;
    const end = at + length;
    if (length === 0 || end > data.length || end <= space + 1 || data[end - 1] !== 0x0a)
      throw new HeaderError('an extended header has a malformed record');
    const equals = data.indexOf(0x3d, space + 1);
    if (equals < 0 || equals >= end - 1 || equals === space + 1)
      throw new HeaderError('an extended header has a record without key and value');
    const key = data.toString('latin1', space + 1, equals);
    if (key.includes('\0')) throw new HeaderError('an extended header has a key with a NUL byte');
    records.push([key, data.subarray(equals + 1, end - 1)]);
    at = end;
  }
  return records;
}

export function encodeRecord(key: string, value: ByteString): ByteString {
  const body = key.length + value.length + 3;
  let length = body + String(body).length;
  if (String(length).length > String(body).length) length = body + String(length).length;
  return `${length} ${key}=${value}\n`;
}

/** Fields that extended headers give; absent where the plain header holds. */
export interface PaxFields {
  path?: ByteString;
  linkpath?: ByteString;
  size?: number;
  uid?: number;
  gid?: number;
  mtimeNs?: bigint;
  xattrs?: Map<string, Uint8Array>;
}

/** Picks what we keep from records. The last of a key counts; an empty value takes the record back. */
export function fieldsOf(records: readonly PaxRecord[]): PaxFields {
  const fields: PaxFields = {};
  for (const [key, value] of records) {
    if (key === 'path') set(fields, 'path', name(value, key));
    else if (key === 'linkpath') set(fields, 'linkpath', name(value, key));
    else if (key === 'size' || key === 'uid' || key === 'gid') set(fields, key, integer(value, key));
    else if (key === 'mtime') set(fields, 'mtimeNs', time(value));
    else if (key.startsWith(xattrPrefix)) {
      fields.xattrs ??= new Map();
      if (value.length === 0) fields.xattrs.delete(key.slice(xattrPrefix.length));
      else fields.xattrs.set(key.slice(xattrPrefix.length), Uint8Array.from(value));
    }
  }
  return fields;
}

function set<K extends keyof PaxFields>(fields: PaxFields, key: K, value: PaxFields[K] | undefined): void {
  if (value === undefined) delete fields[key];
  else fields[key] = value;
}

function name(value: Buffer, key: string): ByteString | undefined {
  if (value.includes(0)) throw new HeaderError(`an extended header has a ${key} with a NUL byte`);
  return value.length === 0 ? undefined : value.toString('latin1');
}

/** A decimal number without sign, as sizes and ids are. */
export function integer(value: Buffer, what: string): number | undefined {
  if (value.length === 0) return undefined;
  const text = value.toString('latin1', 0, 24);
  const result = Number(text);
  if (!/^[0-9]+$/.test(text) || !Number.isSafeInteger(result))
    throw new HeaderError(`an extended header has a malformed ${what}`);
  return result;
}

function time(value: Buffer): bigint | undefined {
  if (value.length === 0) return undefined;
  const parts = /^(-?)([0-9]{1,18})(?:\.([0-9]{0,40}))?$/.exec(value.toString('latin1', 0, 64));
  if (parts === null) throw new HeaderError('an extended header has a malformed mtime');
  const nanoseconds = BigInt(parts[2]!) * second + BigInt((parts[3] ?? '').slice(0, 9).padEnd(9, '0') || '0');
  return parts[1] === '-' ? -nanoseconds : nanoseconds;
}

/**
 * The extended header that a plain one needs, nothing where it needs none. Sorted by key, as Go's writer has it.
 * Names outside ASCII need one because ustar promises no other characters. Their bytes go in raw, also where they are
 * not UTF-8: so Go writes them, and Go, GNU tar, libarchive and Python read them. The standard's `hdrcharset=BINARY`
 * is left out since GNU tar warns of it as unknown and Go ignores it.
 */
export function recordsFor(
  header: TarHeader & { readonly storedName: ByteString },
  seconds: bigint,
): ByteString {
  const records: [string, ByteString][] = [];
  const badPath = !isAscii(header.storedName) || splitName(header.storedName) === undefined;
  const badLink = !isAscii(header.linkname) || header.linkname.length > 100;
  if (badPath) records.push(['path', header.storedName]);
  if (badLink) records.push(['linkpath', header.linkname]);
  if (header.size > maxOctal12) records.push(['size', String(header.size)]);
  if (header.uid > maxOctal8) records.push(['uid', String(header.uid)]);
  if (header.gid > maxOctal8) records.push(['gid', String(header.gid)]);
  if (seconds < 0n || seconds > maxOctal12) records.push(['mtime', String(seconds)]);
  for (const [key, value] of header.xattrs) {
    if (key.includes('=') || key.includes('\0'))
      throw new Error(`The extended attribute ${key} has a name that tar archives cannot hold`);
    // An empty value means in this format that there is none.
    if (value.length > 0) records.push([xattrPrefix + key, Buffer.from(value).toString('latin1')]);
  }
  if (records.length === 0) return '';
  // As Go has it: with an extended header there is no use of the ustar prefix.
  if (!badPath && header.storedName.length > 100) records.push(['path', header.storedName]);
  records.sort(([a], [b]) => (a < b ? -1 : 1));
  return records.map(([key, value]) => encodeRecord(key, value)).join('');
}

function isAscii(bytes: ByteString): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes.charCodeAt(i) > 0x7f) return false;
  return true;
}

/** A name for a plain header that follows an extended one, which has the whole: as Go cuts it. */
export function plainName(name: ByteString): ByteString {
  const ascii = isAscii(name) ? name : name.replace(/[\u0080-\u00ff]/g, '');
  return ascii.length > 100 ? ascii.slice(0, 100).replace(/\/+$/, '') : ascii;
}
