import { fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';

const blockSize = 1 << 16;
/** Bytes from which on it is worth asking whether a file has holes. */
const smallest = 1 << 20;

/** Whether an open file takes so much less room than its size that holes are worth keeping. */
export function isSparse(fd: number, size: number): boolean {
  return size >= smallest && fstatSync(fd).blocks * 512 < size - smallest / 2;
}

/** Copies a file from its start and leaves holes where it has nothing but zeros. */
export function copySparse(from: number, to: { readonly fd: number; close(): void }, size: number): void {
  try {
    const block = Buffer.allocUnsafe(blockSize);
    const zeros = Buffer.alloc(blockSize);
    let position = 0;
    while (position < size) {
      const count = readSync(from, block, 0, blockSize, position);
      if (count === 0) break;
      const read = block.subarray(0, count);
      if (!read.equals(zeros.subarray(0, count)))
        for (let written = 0; written < count; )
          written += writeSync(to.fd, read, written, count - written, position + written);
      position += count;
    }
    ftruncateSync(to.fd, position);
  } finally {
    to.close();
  }
}
