import { hash } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { ByteString } from '../util/bytes.ts';
import { isErrno } from '../util/errors.ts';

/** What is remembered of one regular file. */
export interface DigestRow {
  readonly size: number;
  readonly mtimeNs: bigint;
  /** 0 in a layer, whose files do not change. */
  readonly ctimeNs: bigint;
  /** 0 in a layer. */
  readonly ino: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** It has extended attributes that an image keeps. */
  readonly attributes: boolean;
  /** It has more than one name in its layer. */
  readonly linked?: boolean;
  /** The layer whose making made this file on disk, where it is a hard link to one of another layer. */
  readonly origin?: string | undefined;
  /** SHA-256 of the data, 64 hex digits. */
  readonly data: string;
}

const magic = 'stagecraft digests 1\n';
/**
 * Bytes before the columns: the magic, padded, then as 32-bit numbers the row count, the lengths of the names and of
 * the origins, and a CRC-32 of all that follows.
 */
const headSize = 40;
const attributesFlag = 1;
const linkedFlag = 2;
/** Bytes of a row without its name. */
const rowSize = 8 + 8 + 8 + 8 + 4 + 4 + 4 + 4 + 4 + 4 + 32;

interface Columns {
  size: Float64Array;
  ino: Float64Array;
  mtimeNs: BigInt64Array;
  ctimeNs: BigInt64Array;
  mode: Uint32Array;
  uid: Uint32Array;
  gid: Uint32Array;
  flags: Uint32Array;
  /** Place in the list of origins, counting from 1; 0 for none. */
  origin: Uint32Array;
  data: Buffer;
}

/**
 * Digests of files by path, in columns, so that tens of thousands of rows load in milliseconds: the file on disk is
 * the columns as they lie in memory (in this machine's byte order: it is a cache, no exchange format) and the names.
 */
export class DigestTable {
  #columns: Columns;
  #capacity: number;
  readonly #rows = new Map<ByteString, number>();
  readonly #origins: string[];
  #next: number;

  private constructor(columns: Columns, names: readonly ByteString[], origins: string[]) {
    this.#origins = origins;
    this.#columns = columns;
    this.#capacity = names.length;
    this.#next = names.length;
    for (let i = 0; i < names.length; i++) this.#rows.set(names[i]!, i);
  }

  static empty(): DigestTable {
    return new DigestTable(layOut(Buffer.alloc(0), 0), [], []);
  }

  /** The table in a file; an empty one if it is absent, broken, or from another version. */
  static load(file: string): DigestTable {
    let bytes: Buffer;
    try {
      bytes = readFileSync(file);
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'EACCES')) return DigestTable.empty();
      throw error;
    }
    if (bytes.length < headSize || bytes.toString('latin1', 0, magic.length) !== magic)
      return DigestTable.empty();
    const count = bytes.readUInt32LE(24);
    const namesLength = bytes.readUInt32LE(28);
    const originsLength = bytes.readUInt32LE(32);
    // The columns need an aligned start, which a slice of the buffer pool does not promise.
    const aligned = bytes.byteOffset % 8 === 0 ? bytes : Buffer.from(new Uint8Array(bytes).buffer);
    const body = aligned.subarray(headSize);
    const [namesAt, originsAt] = [count * rowSize, count * rowSize + namesLength];
    if (body.length !== originsAt + originsLength || checksum(body) !== bytes.readUInt32LE(36))
      return DigestTable.empty();
    const names = count === 0 ? [] : body.toString('latin1', namesAt, originsAt).split('\0');
    if (names.length !== count) return DigestTable.empty();
    const origins = originsLength === 0 ? [] : body.toString('latin1', originsAt).split('\0');
    return new DigestTable(layOut(body, count), names, origins);
  }

  get size(): number {
    return this.#rows.size;
  }

  /** Layers that some of the files on disk were made for, other than the table's own. */
  get origins(): readonly string[] {
    return this.#origins;
  }

  /** The place of a path's row, for the methods that take one; -1 if there is none. */
  find(path: ByteString): number {
    return this.#rows.get(path) ?? -1;
  }

  row(index: number): DigestRow {
    const c = this.#columns;
    return {
      size: c.size[index]!,
      mtimeNs: c.mtimeNs[index]!,
      ctimeNs: c.ctimeNs[index]!,
      ino: c.ino[index]!,
      mode: c.mode[index]!,
      uid: c.uid[index]!,
      gid: c.gid[index]!,
      attributes: this.attributes(index),
      linked: this.linked(index),
      origin: this.origin(index),
      data: this.data(index),
    };
  }

  /** SHA-256 of the file's data, 64 hex digits. */
  data(index: number): string {
    return this.#columns.data.toString('hex', index * 32, index * 32 + 32);
  }

  /** Whether the row tells of a file with extended attributes. */
  attributes(index: number): boolean {
    return (this.#columns.flags[index]! & attributesFlag) !== 0;
  }

  /** Whether the row's file has more than one name in its layer. */
  linked(index: number): boolean {
    return (this.#columns.flags[index]! & linkedFlag) !== 0;
  }

  origin(index: number): string | undefined {
    const origin = this.#columns.origin[index]!;
    return origin === 0 ? undefined : this.#origins[origin - 1];
  }

  /** Whether the file is, by what `stat` tells, the one that the row was made from. */
  unchanged(index: number, stat: { size: number; mtimeNs: bigint; ctimeNs: bigint; ino: number }): boolean {
    const c = this.#columns;
    return (
      c.ctimeNs[index] === stat.ctimeNs &&
      c.mtimeNs[index] === stat.mtimeNs &&
      c.size[index] === stat.size &&
      c.ino[index] === stat.ino
    );
  }

  /** Whether owner, mode and time of modification are these. */
  sameMetadata(index: number, wanted: { mode: number; uid: number; gid: number; mtimeNs: bigint }): boolean {
    const c = this.#columns;
    return (
      c.mtimeNs[index] === wanted.mtimeNs &&
      c.mode[index] === wanted.mode &&
      c.uid[index] === wanted.uid &&
      c.gid[index] === wanted.gid
    );
  }

  set(path: ByteString, row: DigestRow): void {
    let index = this.#rows.get(path);
    if (index === undefined) {
      if (this.#next === this.#capacity) this.#grow();
      index = this.#next++;
      this.#rows.set(path, index);
    }
    const c = this.#columns;
    c.size[index] = row.size;
    c.mtimeNs[index] = row.mtimeNs;
    c.ctimeNs[index] = row.ctimeNs;
    c.ino[index] = row.ino;
    c.mode[index] = row.mode;
    c.uid[index] = row.uid;
    c.gid[index] = row.gid;
    c.flags[index] = (row.attributes ? attributesFlag : 0) | (row.linked ? linkedFlag : 0);
    c.origin[index] = row.origin === undefined ? 0 : this.#place(row.origin);
    c.data.write(row.data, index * 32, 32, 'hex');
  }

  forget(path: ByteString): void {
    this.#rows.delete(path);
  }

  /** Writes the rows whose path is to be kept, in one rename. */
  save(file: string, keep: (path: ByteString) => boolean = () => true): void {
    const kept: number[] = [];
    const names: ByteString[] = [];
    for (const [path, index] of this.#rows) {
      if (!keep(path)) continue;
      kept.push(index);
      names.push(path);
    }
    const count = kept.length;
    const joined = names.join('\0');
    const origins = this.#origins.join('\0');
    const bytes = Buffer.alloc(headSize + count * rowSize + joined.length + origins.length);
    const body = bytes.subarray(headSize);
    copyRows(this.#columns, layOut(body, count), kept);
    body.write(joined, count * rowSize, 'latin1');
    body.write(origins, count * rowSize + joined.length, 'latin1');
    bytes.write(magic, 'latin1');
    bytes.writeUInt32LE(count, 24);
    bytes.writeUInt32LE(joined.length, 28);
    bytes.writeUInt32LE(origins.length, 32);
    bytes.writeUInt32LE(checksum(body), 36);
    const temporary = `${file}.${process.pid}.${performance.now()}`;
    try {
      writeFileSync(temporary, bytes);
      renameSync(temporary, file);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  }

  /** As {@link save}, for what is only to make the next build faster: without the room or the right, it is left out. */
  keep(file: string, keep?: (path: ByteString) => boolean): void {
    try {
      this.save(file, keep);
    } catch (error) {
      if (!isErrno(error, 'ENOSPC', 'EDQUOT', 'EACCES', 'EPERM', 'EROFS', 'ENOENT')) throw error;
    }
  }

  #place(origin: string): number {
    const known = this.#origins.indexOf(origin);
    return known === -1 ? this.#origins.push(origin) : known + 1;
  }

  #grow(): void {
    const capacity = Math.max(64, this.#capacity * 2);
    const columns = layOut(Buffer.alloc(capacity * rowSize), capacity);
    copyRows(
      this.#columns,
      columns,
      Array.from({ length: this.#next }, (_, i) => i),
    );
    this.#columns = columns;
    this.#capacity = capacity;
  }
}

/** The columns of a table of `count` rows as views of its bytes, widest numbers first so that each lies aligned. */
function layOut(bytes: Buffer, count: number): Columns {
  const { buffer, byteOffset } = bytes;
  const at = (bytesBefore: number): number => byteOffset + bytesBefore * count;
  return {
    size: new Float64Array(buffer, at(0), count),
    ino: new Float64Array(buffer, at(8), count),
    mtimeNs: new BigInt64Array(buffer, at(16), count),
    ctimeNs: new BigInt64Array(buffer, at(24), count),
    mode: new Uint32Array(buffer, at(32), count),
    uid: new Uint32Array(buffer, at(36), count),
    gid: new Uint32Array(buffer, at(40), count),
    flags: new Uint32Array(buffer, at(44), count),
    origin: new Uint32Array(buffer, at(48), count),
    // Four bytes of each row are free, so that what follows the columns lies aligned too.
    data: bytes.subarray(56 * count, 88 * count),
  };
}

function copyRows(from: Columns, to: Columns, rows: readonly number[]): void {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    to.size[i] = from.size[row]!;
    to.ino[i] = from.ino[row]!;
    to.mtimeNs[i] = from.mtimeNs[row]!;
    to.ctimeNs[i] = from.ctimeNs[row]!;
    to.mode[i] = from.mode[row]!;
    to.uid[i] = from.uid[row]!;
    to.gid[i] = from.gid[row]!;
    to.flags[i] = from.flags[row]!;
    to.origin[i] = from.origin[row]!;
    from.data.copy(to.data, i * 32, row * 32, row * 32 + 32);
  }
}

/** Four bytes that tell a whole file from a damaged one. */
function checksum(body: Uint8Array): number {
  return hash('sha256', body, 'buffer').readUInt32LE(0);
}
