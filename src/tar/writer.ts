import { readSync } from 'node:fs';
import type { ByteString } from '../util/bytes.ts';
import { textFromBytes } from '../util/bytes.ts';
import { StagecraftError } from '../util/errors.ts';
import { Pace } from '../util/pace.ts';
import { blockSize, encodeHeader, splitName, type TarHeader } from './header.ts';
import { plainName, recordsFor } from './pax.ts';
import type { SparseRun } from './sparse.ts';

/** The content of a file. It must have as many bytes as the header says. */
export type TarContent =
  | Uint8Array
  | AsyncIterable<Uint8Array>
  /** An open file, read from its start; with `runs` only there, the rest being zeros. Whoever opened it closes it. */
  | { readonly fd: number; readonly runs?: Iterable<SparseRun> };

/** An entry to write. What is left out of the header is zero or empty; the mode must be given. */
export interface TarItem {
  readonly header: Pick<TarHeader, 'name' | 'type' | 'mode'> & Partial<TarHeader>;
  readonly content?: TarContent;
}

const chunkSize = 1 << 20;
const second = 1_000_000_000n;

/**
 * Writes a tar archive as chunks of 1 MiB, each in a buffer of its own that is never written again. The same items
 * give the same bytes, in the form that containerd's and BuildKit's layers have: ustar headers, extended ones only
 * where needed, ids without names (names mean nothing in another root file system), and times in whole seconds:
 * fractions would need an extended header for each entry, and not every file system, nor every tool that unpacks and
 * packs again, keeps them, so that they would make equal trees differ.
 * Holes are written as zeros: tools that take a layer apart and put it together again byte for byte (tar-split, in
 * Docker and Podman) lose the form of sparse entries. Compression makes the zeros cheap.
 */
export async function* writeTar(
  items: Iterable<TarItem> | AsyncIterable<TarItem>,
  options: { signal?: AbortSignal | undefined } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  options.signal?.throwIfAborted();
  const out = new Output();
  const pace = new Pace(options.signal);
  for await (const item of items) {
    const header = complete(item.header);
    writeHeaders(out, header);
    if (header.type === 'file' && header.size > 0) {
      if (item.content === undefined) throw new Error(`No content given for ${textFromBytes(header.name)}`);
      for await (const _ of writeContent(out, header, item.content)) {
        for (const chunk of out.takeFull()) yield chunk;
        if (pace.due) await pace.rest();
      }
      out.pad();
    }
    for (const chunk of out.takeFull()) yield chunk;
    if (pace.due) await pace.rest();
  }
  out.zeros(2 * blockSize);
  yield* out.takeFull();
  yield* out.takeRest();
}

type WholeHeader = TarHeader & { readonly storedName: ByteString };

function complete(header: TarItem['header']): WholeHeader {
  return {
    name: header.name,
    storedName: header.type === 'directory' && !header.name.endsWith('/') ? `${header.name}/` : header.name,
    type: header.type,
    mode: header.mode & 0o7777,
    uid: header.uid ?? 0,
    gid: header.gid ?? 0,
    size: header.type === 'file' ? (header.size ?? 0) : 0,
    mtimeNs: header.mtimeNs ?? 0n,
    linkname: header.linkname ?? '',
    major: header.major ?? 0,
    minor: header.minor ?? 0,
    xattrs: header.xattrs ?? new Map(),
  };
}

function writeHeaders(out: Output, header: WholeHeader): void {
  let seconds = header.mtimeNs / second;
  if (header.mtimeNs % second < 0n) seconds -= 1n;
  const records = recordsFor(header, seconds);
  const names =
    records === ''
      ? { ...splitName(header.storedName)!, linkname: header.linkname }
      : { name: plainName(header.storedName), linkname: plainName(header.linkname) };
  if (records !== '') {
    encodeHeader(out.block(), {
      ...{ name: extensionName(header.storedName), linkname: '', typeflag: 'x', mode: 0, uid: 0, gid: 0 },
      ...{ size: records.length, mtime: 0, major: 0, minor: 0 },
    });
    out.write(Buffer.from(records, 'latin1'));
    out.pad();
  }
  encodeHeader(out.block(), {
    ...names,
    typeflag: header.type,
    mode: header.mode,
    uid: header.uid,
    gid: header.gid,
    size: header.size,
    mtime: Number(seconds),
    major: header.major,
    minor: header.minor,
  });
}

/**
 * What readers that know no extended headers would unpack them as: the form the standard suggests, as Go has it, so that
 * layers are what BuildKit would make of the same files.
 */
function extensionName(name: ByteString): ByteString {
  const slash = name.lastIndexOf('/') + 1;
  return plainName(`${name.slice(0, slash)}PaxHeaders.0/${name.slice(slash)}`).replace(/\/+$/, '');
}

/** Yields whenever a chunk may be full. */
async function* writeContent(out: Output, header: WholeHeader, content: TarContent): AsyncGenerator<void> {
  let written = 0;
  if (content instanceof Uint8Array) {
    out.write(content);
    written = content.length;
  } else if (Symbol.asyncIterator in content) {
    for await (const part of content) {
      written += part.length;
      if (written > header.size) break;
      out.write(part);
      yield;
    }
  } else {
    for (const run of content.runs ?? [{ offset: 0, length: header.size }]) {
      const start = Math.min(run.offset, header.size);
      const end = Math.min(run.offset + run.length, header.size);
      for (; written < start; yield) written += out.zeros(Math.min(chunkSize, start - written));
      for (; written < end; yield) {
        const count = out.read(content.fd, written, end - written);
        if (count === 0) break;
        written += count;
      }
      if (written < end) break;
    }
    // A hole at the end; a file that was cut meanwhile is noticed below.
    if (content.runs !== undefined)
      for (; written < header.size; yield) written += out.zeros(Math.min(chunkSize, header.size - written));
  }
  if (written !== header.size)
    throw new StagecraftError(
      'io',
      `The file ${textFromBytes(header.name)} changed its size while it was read: ${header.size} bytes were expected.`,
    );
}

/** Collects bytes into chunks. */
class Output {
  #chunk = Buffer.allocUnsafeSlow(chunkSize);
  #used = 0;
  #full: Buffer[] = [];

  /** Whole chunks so far, handed over for good. */
  takeFull(): Buffer[] {
    if (this.#full.length === 0) return none;
    const full = this.#full;
    this.#full = [];
    return full;
  }

  takeRest(): Buffer[] {
    return this.#used === 0 ? none : [this.#chunk.subarray(0, this.#used)];
  }

  /** A zeroed block, to be filled at once. Chunks are whole blocks, so it never spans two. */
  block(): Buffer {
    const block = this.#chunk.subarray(this.#used, this.#used + blockSize);
    block.fill(0);
    this.#advance(blockSize);
    return block;
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + chunkSize - this.#used);
      this.#chunk.set(part, this.#used);
      at += part.length;
      this.#advance(part.length);
    }
  }

  /** Reads from a file into the present chunk: as much as it takes, at most `most`. Returns the count. */
  read(fd: number, position: number, most: number): number {
    const count = readSync(fd, this.#chunk, this.#used, Math.min(most, chunkSize - this.#used), position);
    this.#advance(count);
    return count;
  }

  zeros(count: number): number {
    for (let left = count; left > 0; ) {
      const part = Math.min(left, chunkSize - this.#used);
      this.#chunk.fill(0, this.#used, this.#used + part);
      left -= part;
      this.#advance(part);
    }
    return count;
  }

  pad(): void {
    const beyond = this.#used % blockSize;
    if (beyond !== 0) this.zeros(blockSize - beyond);
  }

  #advance(count: number): void {
    this.#used += count;
    if (this.#used < chunkSize) return;
    this.#full.push(this.#chunk);
    this.#chunk = Buffer.allocUnsafeSlow(chunkSize);
    this.#used = 0;
  }
}

const none: Buffer[] = [];
