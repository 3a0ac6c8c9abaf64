import { type ByteString, textFromBytes } from '../util/bytes.ts';
import { StagecraftError } from '../util/errors.ts';

/** What an entry takes on disk besides its content, roughly, so that many empty ones reach the limit too. */
const entryCost = 4096;
/** Bytes that an archive may unpack to in any case, unless the user says another number, and how often its own size. */
const usualSize = 16 * 2 ** 30;
const usualRatio = 100;

/**
 * How much an archive may still unpack to: a few kilobytes can hold a petabyte of zeros. The size of a file counts as
 * it reads, holes included, since whoever reads it later has to go through them.
 */
export class Allowance {
  readonly #what: string;
  #limit: number;
  #spent = 0;

  /** @param limit bytes @param what names the archive in messages, such as `the layer sha256:…` */
  constructor(limit: number, what: string) {
    this.#limit = limit;
    this.#what = what;
  }

  /**
   * The allowance of an archive that has so many bytes as it came.
   * @param limit what the user said, in bytes; 0 for no limit
   */
  static of(packed: number, limit: number | undefined, what: string): Allowance {
    const usual = Math.max(usualSize, packed * usualRatio);
    return new Allowance(limit === 0 ? Number.POSITIVE_INFINITY : (limit ?? usual), what);
  }

  /** Bytes. */
  get limit(): number {
    return this.#limit;
  }

  /** Passes an archive on whose size nobody knows before: the more came, the more it may unpack to. */
  async *feed(archive: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let packed = 0;
    for await (const chunk of archive) {
      packed += chunk.length;
      this.#limit = Math.max(this.#limit, packed * usualRatio);
      yield chunk;
    }
  }

  /** An entry is about to be made. @throws StagecraftError `integrity` where it is too much */
  spend(name: ByteString, size: number): void {
    this.#spent += entryCost + size;
    if (this.#spent > this.#limit)
      throw this.#exceeded(`, with ${JSON.stringify(textFromBytes(name.slice(0, 300)))}`);
  }

  /** The archive itself, as it is read: also what is in it besides entries has its limit. @throws as {@link spend} */
  async *bound(archive: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let read = 0;
    for await (const chunk of archive) {
      read += chunk.length;
      if (read > this.#limit) throw this.#exceeded('');
      yield chunk;
    }
  }

  #exceeded(where: string): StagecraftError {
    const what = `${this.#what.charAt(0).toUpperCase()}${this.#what.slice(1)}`;
    return new StagecraftError(
      'integrity',
      `${what} unpacks to more than the limit of ${show(this.#limit)}${where}.`,
      { hint: 'If it may be that large, set STAGECRAFT_MAX_LAYER_SIZE to a size such as 100GB, or to 0.' },
    );
  }
}

function show(bytes: number): string {
  for (const [unit, power] of [
    ['GiB', 30],
    ['MiB', 20],
  ] as const)
    if (bytes >= 2 ** power) return `${Number((bytes / 2 ** power).toFixed(1))} ${unit}`;
  return `${bytes} bytes`;
}
