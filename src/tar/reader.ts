import { type ByteString, textFromBytes } from '../util/bytes.ts';
import { StagecraftError } from '../util/errors.ts';
import { Pace } from '../util/pace.ts';
import {
  blockSize,
  decodeHeader,
  type HeaderBlock,
  HeaderError,
  isZeroBlock,
  type TarEntryType,
  type TarHeader,
} from './header.ts';
import { TarInput } from './input.ts';
import { decodeRecords, fieldsOf, type PaxRecord } from './pax.ts';
import { OldGnuMap, paxSparse, readContentMap, type SparseMap, validateMap } from './sparse.ts';

/** A part of a file's content. Bytes between parts, and between the last and the file's size, are zeros. */
export interface TarData {
  /** Offset in the file. */
  readonly position: number;
  /** Valid until the reader is asked again. */
  readonly bytes: Buffer;
}

/** Bytes of one extended header or long name at most: as Go's reader has it. */
const maxExtension = 1 << 20;
/** Extended headers before one entry at most. */
const maxExtensions = 16;

const types: Record<string, TarEntryType> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'char',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
};

/** What the extended headers before an entry gave. */
interface Extensions {
  records: PaxRecord[];
  longName: ByteString | undefined;
  longLink: ByteString | undefined;
  count: number;
}

/**
 * Reads a tar archive as a stream: V7, ustar, PAX and GNU forms, with holes. Where readers disagree it reads as Go's
 * `archive/tar` does, on which Docker, containerd and skopeo rely, so that an archive cannot show them one thing and
 * us another: global extended headers are passed over, and the content of all but files has no bytes.
 * Nothing is taken on trust: what is malformed, truncated or beyond the limits ends in StagecraftError `integrity`.
 *
 *     for (let header; (header = await reader.next()); )
 *       for (let part; (part = await reader.read()); ) ...
 */
export class TarReader {
  readonly #input: TarInput;
  readonly #what: string;
  readonly #pace: Pace;
  #entry: ByteString = '';
  /** Bytes of the present entry still to come, and its padding. */
  #left = 0;
  #padding = 0;
  #runs: readonly { offset: number; length: number }[] = [];
  #run = 0;
  #inRun = 0;

  /** `what` names the archive in messages, such as `the layer sha256:…`. */
  constructor(
    source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    options: { what?: string; signal?: AbortSignal } = {},
  ) {
    this.#input = new TarInput(source);
    this.#what = options.what ?? 'the tar archive';
    this.#pace = new Pace(options.signal);
  }

  /** The next entry; nothing at the end, when the source is read to its end too. */
  async next(): Promise<TarHeader | undefined> {
    if (this.#pace.due) await this.#pace.rest();
    try {
      return await this.#readEntry();
    } catch (error) {
      await this.#input.close();
      throw this.#explain(error);
    }
  }

  /** The next part of the present entry's content; nothing at its end. */
  async read(): Promise<TarData | undefined> {
    if (this.#pace.due) await this.#pace.rest();
    let run = this.#runs[this.#run];
    while (run !== undefined && this.#inRun === run.length) {
      this.#inRun = 0;
      run = this.#runs[++this.#run];
    }
    if (run === undefined) return undefined;
    const bytes = await this.#input.some(run.length - this.#inRun);
    if (bytes === undefined) throw this.#explain(new HeaderError(truncatedContent));
    const position = run.offset + this.#inRun;
    this.#inRun += bytes.length;
    this.#left -= bytes.length;
    return { position, bytes };
  }

  /** Stops reading before the end. */
  async close(): Promise<void> {
    await this.#input.close();
  }

  async #readEntry(): Promise<TarHeader | undefined> {
    if (!(await this.#input.skip(this.#left + this.#padding))) throw new HeaderError(truncatedContent);
    this.#left = this.#padding = this.#run = this.#inRun = 0;
    this.#runs = [];
    const extensions: Extensions = { records: [], longName: undefined, longLink: undefined, count: 0 };
    for (;;) {
      if (this.#pace.due) await this.#pace.rest();
      const block = await this.#headerBlock(extensions.count > 0);
      if (block === undefined) return undefined;
      const header = decodeHeader(block);
      const isExtension = await this.#readExtension(header, extensions);
      if (!isExtension) return await this.#startEntry(header, block, extensions);
    }
  }

  /** One block that is no zeros; nothing at the end of the archive, marked or not. */
  async #headerBlock(needed: boolean): Promise<Buffer | undefined> {
    const block = await this.#input.take(blockSize);
    if (block.length === 0 && !needed) return undefined;
    if (block.length < blockSize) throw new HeaderError('it ends in the middle of a header');
    if (!isZeroBlock(block)) return block;
    if (needed) throw new HeaderError('an extended header has no entry after it');
    const second = await this.#input.take(blockSize);
    if (second.length === blockSize && !isZeroBlock(second))
      throw new HeaderError('a block of zeros stands where a header should');
    await this.#input.drain();
    return undefined;
  }

  /** Takes in a header that only tells of the entry after it; false for an entry. */
  async #readExtension(header: HeaderBlock, extensions: Extensions): Promise<boolean> {
    const flag = header.typeflag;
    if (flag !== 'x' && flag !== 'X' && flag !== 'L' && flag !== 'K' && flag !== 'g') return false;
    if (header.size < 0 || header.size > maxExtension)
      throw new HeaderError(`an extended header is larger than ${maxExtension} bytes`);
    if (++extensions.count > maxExtensions)
      throw new HeaderError(`there are more than ${maxExtensions} extended headers before an entry`);
    const data = Buffer.from(await this.#input.take(header.size));
    if (data.length < header.size || !(await this.#input.skip(padding(header.size))))
      throw new HeaderError('it ends in the middle of an extended header');
    if (flag === 'L') extensions.longName = untilNul(data);
    else if (flag === 'K') extensions.longLink = untilNul(data);
    else if (flag === 'g') {
      // Read to be sure it is well-formed; what it says is for nobody.
      decodeRecords(data);
      extensions.count--;
    } else extensions.records = decodeRecords(data);
    return true;
  }

  async #startEntry(header: HeaderBlock, block: Buffer, extensions: Extensions): Promise<TarHeader> {
    const pax = fieldsOf(extensions.records);
    const sparse = paxSparse(extensions.records);
    const stored = pax.size ?? header.size;
    let name = pax.path ?? extensions.longName ?? header.name;
    if (sparse?.name !== undefined) name = sparse.name;
    this.#entry = name;
    let type = types[header.typeflag];
    if (type === undefined)
      throw new HeaderError(`an entry has the unknown type ${JSON.stringify(header.typeflag)}`);
    // In V7 archives only the slash tells a directory.
    if (header.typeflag === '\0' && name.endsWith('/')) type = 'directory';
    if (stored < 0) throw new HeaderError('an entry has a negative size');
    let size = 0;
    if (type === 'file') size = await this.#startContent(header, block, stored, sparse);
    return {
      name: type === 'directory' ? withoutSlashes(name) : name,
      type,
      mode: header.mode & 0o7777,
      uid: id(pax.uid ?? header.uid, 'owner'),
      gid: id(pax.gid ?? header.gid, 'group'),
      size,
      mtimeNs: pax.mtimeNs ?? BigInt(header.mtime) * 1_000_000_000n,
      linkname:
        type === 'symlink' || type === 'hardlink'
          ? (pax.linkpath ?? extensions.longLink ?? header.linkname)
          : '',
      major: type === 'char' || type === 'block' ? header.major : 0,
      minor: type === 'char' || type === 'block' ? header.minor : 0,
      xattrs: pax.xattrs ?? noXattrs,
    };
  }

  /** Sets up reading of a file's content; returns its size with all holes. */
  async #startContent(
    header: HeaderBlock,
    block: Buffer,
    stored: number,
    sparse: ReturnType<typeof paxSparse>,
  ): Promise<number> {
    this.#left = stored;
    this.#padding = padding(stored);
    let map: SparseMap;
    if (header.typeflag === 'S') {
      const old = new OldGnuMap(Buffer.from(block));
      while (old.extended) old.extend(await this.#wholeBlock());
      map = old.map;
    } else if (sparse?.form === 'header') map = sparse.map;
    else if (sparse?.form === 'content')
      map = await readContentMap(sparse.size, () => {
        this.#left -= blockSize;
        if (this.#left < 0) throw new HeaderError('a sparse file has a map longer than its content');
        return this.#wholeBlock();
      });
    else map = { runs: stored === 0 ? [] : [{ offset: 0, length: stored }], size: stored };
    validateMap(map, this.#left);
    this.#runs = map.runs;
    return map.size;
  }

  async #wholeBlock(): Promise<Buffer> {
    const block = await this.#input.take(blockSize);
    if (block.length < blockSize) throw new HeaderError(truncatedContent);
    return block;
  }

  #explain(error: unknown): unknown {
    if (!(error instanceof HeaderError)) return error;
    const near =
      this.#entry === '' ? '' : `, near ${JSON.stringify(textFromBytes(this.#entry).slice(0, 200))}`;
    return new StagecraftError(
      'integrity',
      `${this.#what.charAt(0).toUpperCase()}${this.#what.slice(1)} is damaged: ${error.message} (at byte ${this.#input.position}${near}).`,
      { cause: error },
    );
  }
}

const truncatedContent = 'it ends in the middle of a file';
const noXattrs: ReadonlyMap<string, Uint8Array> = new Map();

function padding(size: number): number {
  return (blockSize - (size % blockSize)) % blockSize;
}

function untilNul(data: Buffer): ByteString {
  const end = data.indexOf(0);
  return data.toString('latin1', 0, end < 0 ? data.length : end);
}

function withoutSlashes(name: ByteString): ByteString {
  let end = name.length;
  while (end > 1 && name.charCodeAt(end - 1) === 0x2f) end--;
  return name.slice(0, end);
}

/** The last number would mean "leave the owner as it is" to chown(2). */
function id(value: number, what: string): number {
  if (value < 0 || value >= 0xffffffff) throw new HeaderError(`an entry has an ${what} out of range`);
  return value;
}
