import { rmSync, writeFileSync } from 'node:fs';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import { ingestPath } from '../content/ingest.ts';
import { digestOf } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import type { Pack, Piece } from './types.ts';

/** What a pack holds at most: bytes as they are sent and once they are decompressed, and pieces. */
export const packLimits = { plain: 8 << 20, sent: (8 << 20) + (64 << 10), pieces: 4096 } as const;
/** Bytes of a pack at least, but for the last one that is made, and how many more it usually has. */
export const leastPack = 1 << 20;
const usualMore = 3 << 20;
/** Packs that are compressed at once. */
const atOnce = 4;
const level = 3;
/** Bytes that zlib gives at a time: few turns through the event loop, and little memory in vain. */
const chunkSize = 1 << 20;

/** A pack that was made here. */
export interface NewPack extends Pack {
  /** Where its bytes lie; whoever has it removes the file. */
  readonly path: string;
}

/**
 * Puts pieces into packs, in files of the store's `ingest/`. Where a pack ends is decided by the pieces in it, so that
 * equal pieces in equal order meet in equal packs whatever comes before them.
 */
export class Packer {
  readonly #root: string;
  readonly #packs: Promise<NewPack>[] = [];
  readonly #running = new Set<Promise<unknown>>();
  readonly #free: Buffer<ArrayBuffer>[] = [];
  #pieces: Piece[] = [];
  #plain = Buffer.allocUnsafeSlow(packLimits.plain);
  #size = 0;

  constructor(root: string) {
    this.#root = root;
  }

  /** @param bytes of the piece, which are copied */
  async add(piece: Piece, bytes: Uint8Array): Promise<void> {
    if (this.#size + piece.length > packLimits.plain) await this.#close();
    this.#pieces.push(piece);
    this.#plain.set(bytes, this.#size);
    this.#size += piece.length;
    const isEnd = Number.parseInt(piece.sha256.slice(0, 8), 16) / 2 ** 32 < piece.length / usualMore;
    if ((isEnd && this.#size >= leastPack) || this.#pieces.length === packLimits.pieces) await this.#close();
  }

  async finish(): Promise<NewPack[]> {
    await this.#close();
    return Promise.all(this.#packs);
  }

  /** Removes what was made, after a failure. */
  async discard(): Promise<void> {
    for (const result of await Promise.allSettled(this.#packs))
      if (result.status === 'fulfilled') rmSync(result.value.path, { force: true });
  }

  async #close(): Promise<void> {
    if (this.#pieces.length === 0) return;
    while (this.#running.size >= atOnce) await Promise.race(this.#running).catch(() => {});
    const plain = this.#plain;
    const pack = this.#make(this.#pieces, plain.subarray(0, this.#size));
    this.#packs.push(pack);
    this.#running.add(pack);
    const end = (): void => {
      this.#running.delete(pack);
      this.#free.push(plain);
    };
    pack.then(end, end);
    this.#plain = this.#free.pop() ?? Buffer.allocUnsafeSlow(packLimits.plain);
    this.#pieces = [];
    this.#size = 0;
  }

  async #make(pieces: readonly Piece[], plain: Uint8Array): Promise<NewPack> {
    const bytes = await new Promise<Buffer>((resolve, reject) =>
      zstdCompress(
        plain,
        { chunkSize, params: { [constants.ZSTD_c_compressionLevel]: level } },
        (error, result) => (error ? reject(error) : resolve(result)),
      ),
    );
    const path = ingestPath(this.#root, 'pack');
    writeFileSync(path, bytes, { flag: 'wx', mode: 0o600 });
    return { digest: digestOf(bytes), size: bytes.length, pieces, path };
  }
}

/**
 * The pieces of a pack, verified: those that are asked for.
 * @throws StagecraftError `integrity`
 */
export async function openPack(
  pack: Pack,
  source: AsyncIterable<Uint8Array>,
): Promise<(wanted: ReadonlySet<string>) => Generator<{ piece: Piece; bytes: Uint8Array }>> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of source) {
    size += part.length;
    if (size > pack.size) break;
    parts.push(part);
  }
  const bytes = Buffer.concat(parts);
  if (size !== pack.size || digestOf(bytes) !== pack.digest)
    throw damaged(pack, `its ${pack.size} bytes have another digest`);
  const expected = pack.pieces.reduce((sum, { length }) => sum + length, 0);
  const plain = await new Promise<Buffer>((resolve, reject) =>
    zstdDecompress(bytes, { chunkSize, maxOutputLength: expected }, (error, result) =>
      error ? reject(damaged(pack, error.message)) : resolve(result),
    ),
  );
  if (plain.length !== expected) throw damaged(pack, `it holds ${plain.length} bytes instead of ${expected}`);
  return function* (wanted) {
    let from = 0;
    for (const piece of pack.pieces) {
      const content = plain.subarray(from, from + piece.length);
      from += piece.length;
      if (!wanted.has(piece.sha256)) continue;
      if (digestOf(content) !== `sha256:${piece.sha256}`)
        throw damaged(pack, `the piece ${piece.sha256} is not what it should be`);
      yield { piece, bytes: content };
    }
  };
}

function damaged({ digest }: Pack, problem: string): StagecraftError {
  return new StagecraftError('integrity', `The blob ${digest} of a cache mount is damaged: ${problem}.`);
}
