import { availableParallelism } from 'node:os';
import { constants, gzip, zstdCompress } from 'node:zlib';
import { type Compression, defaultLevel } from './compression.ts';
import { chooseEffort } from './effort.ts';

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

async function compressBlock(type: 'gzip' | 'zstd', level: number, block: Buffer): Promise<Buffer> {
  if (type === 'zstd') {
    const params = { [constants.ZSTD_c_compressionLevel]: level };
    return run(zstdCompress, block, { chunkSize: chunkSizeOf(block), params });
  }
  const effort = await chooseEffort(block, level);
  // What is stored as it is comes out whole.
  const chunkSize = effort.level === 0 ? block.length + 1024 : chunkSizeOf(block);
  return run(gzip, block, { ...effort, chunkSize });
}

/** Half a block holds most results at once: fewer turns through the event loop, and little memory in vain. */
function chunkSizeOf(block: Buffer): number {
  return Math.max(block.length >> 1, 1 << 16);
}

function run<O>(
  method: (data: Buffer, options: O, done: (error: Error | null, result: Buffer) => void) => void,
  block: Buffer,
  options: O,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    method(block, options, (error, result) => (error ? reject(error) : resolve(result)));
  });
}
