import { availableParallelism } from 'node:os';
import { constants, deflateRawSync, gzip, zstdCompress } from 'node:zlib';
import { type Compression, defaultLevel } from './compression.ts';

/** Bytes compressed as one gzip member or zstd frame. Changing it changes the digests of all layers. */
const blockSize: Record<'gzip' | 'zstd', number> = { gzip: 1 << 20, zstd: 2 << 20 };
/** Node.js compresses in at most this many threads (the default of UV_THREADPOOL_SIZE). */
const threads = Math.min(4, availableParallelism());

/**
 * Compresses a stream in blocks, several at once on the thread pool, each a gzip member (RFC 1952, 2.2) or zstd frame
 * (RFC 8878, 3) of its own, which every reader takes as one stream. The same bytes and level give the same output,
 * whatever pieces they come in. Memory is bounded by some megabytes a thread.
 */
export async function* compress(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  compression: Compression,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (compression.type === 'uncompressed') {
    yield* source;
    return;
  }
  const { type, level = defaultLevel[compression.type] } = compression;
  const size = blockSize[type];
  const free: Buffer[] = [];
  const running: Promise<Buffer>[] = [];
  const start = (block: Buffer, length: number): void => {
    const job = compressBlock(type, level, block.subarray(0, length)).finally(() => free.push(block));
    // A failure is seen when its turn comes; until then it must not count as unhandled.
    job.catch(() => undefined);
    running.push(job);
  };

  let block: Buffer = Buffer.allocUnsafeSlow(size);
  let filled = 0;
  let isEmpty = true;
  for await (const chunk of source) {
    for (let from = 0; from < chunk.length; ) {
      const count = Math.min(size - filled, chunk.length - from);
      block.set(chunk.subarray(from, from + count), filled);
      filled += count;
      from += count;
      isEmpty = false;
      if (filled < size) continue;
      start(block, filled);
      // One block more than threads, so that none idles while the consumer works.
      if (running.length > threads) yield await running.shift()!;
      block = free.pop() ?? Buffer.allocUnsafeSlow(size);
      filled = 0;
    }
  }
  if (filled > 0 || isEmpty) start(block, filled);
  while (running.length > 0) yield await running.shift()!;
}

function compressBlock(type: 'gzip' | 'zstd', level: number, block: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, result: Buffer): void => (error ? reject(error) : resolve(result));
    // Half a block holds most results at once: fewer turns through the event loop, and little memory in vain.
    const chunkSize = block.length > 1 << 16 ? blockSize[type] / 2 : 1 << 16;
    if (type === 'gzip') gzip(block, { level: isDense(block) ? 0 : level, chunkSize }, done);
    else zstdCompress(block, { chunkSize, params: { [constants.ZSTD_c_compressionLevel]: level } }, done);
  });
}

const sampleSize = 4096;
const samples = 8;
/** Samples that shrink by less than this are of data that is compressed or random already. */
const worthwhile = 0.97;

/** True where compression would cost time and save nothing, as far as samples tell; zstd finds that out by itself. */
function isDense(block: Buffer): boolean {
  if (block.length < samples * sampleSize) return false;
  const step = Math.floor((block.length - sampleSize) / (samples - 1));
  let compressed = 0;
  for (let i = 0; i < samples; i++)
    compressed += deflateRawSync(block.subarray(i * step, i * step + sampleSize), { level: 1 }).length;
  return compressed > worthwhile * samples * sampleSize;
}
