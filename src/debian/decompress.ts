import { Readable } from 'node:stream';
import { decompress as decompressDetected } from '../content/decompress.ts';
import { StagecraftError } from '../util/errors.ts';

/** How the name of a member or an index ends, for each compression that is read. */
export const compressions = ['.xz', '.gz', '.zst', ''] as const;
export type Compression = (typeof compressions)[number];

/**
 * The content of a compressed stream. Only one xz stream is read at a time: end or leave the loop over one before the
 * next begins.
 */
export function decompress(input: Readable, compression: Compression): AsyncIterable<Uint8Array> {
  return compression === '.xz' ? decompressXz(input) : decompressDetected(input);
}

/**
 * Almost every package is in xz, and a machine need not have the program of that name. This decoder is xz-embedded as
 * WebAssembly: two thirds of liblzma's speed, and nothing to install.
 */
async function* decompressXz(input: Readable): AsyncGenerator<Uint8Array, void, undefined> {
  const { default: xz } = await import('xz-decompress');
  const reader = new xz.XzReadableStream(Readable.toWeb(input) as ReadableStream<Uint8Array>).getReader();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (value.length > 0) yield value;
    }
    ended = true;
  } catch (error) {
    ended = true;
    throw new StagecraftError('integrity', 'The xz data is damaged or cut off.', { cause: error });
  } finally {
    // An unfinished decoder keeps the next one waiting.
    if (!ended) await reader.cancel();
    input.destroy();
  }
}
