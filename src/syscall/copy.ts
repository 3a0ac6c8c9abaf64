import { readSync, writeSync } from 'node:fs';
import { errnoError, lastErrno, libc } from './libc.ts';

const copyFileRange = libc(
  'int64_t copy_file_range(int in, void *inOffset, int out, void *outOffset, uint64_t size, unsigned int flags)',
);
const chunk = 1 << 30;

/**
 * Copies from one open file to another, from their current offsets to the end of the first, inside the kernel where
 * the file systems allow (a reflink where they share blocks). Returns the bytes copied.
 */
export function copyRange(from: number, to: number): number {
  let copied = 0;
  for (;;) {
    const count = Number(copyFileRange(from, null, to, null, chunk, 0));
    if (count < 0) {
      const code = lastErrno();
      if (
        code === 'EXDEV' ||
        code === 'EINVAL' ||
        code === 'ENOSYS' ||
        code === 'EOPNOTSUPP' ||
        code === 'ENOTSUP'
      )
        return copied + copyByHand(from, to);
      throw errnoError('copy_file_range');
    }
    if (count === 0) return copied;
    copied += count;
  }
}

function copyByHand(from: number, to: number): number {
  const buffer = Buffer.allocUnsafe(1 << 18);
  let copied = 0;
  for (;;) {
    const count = readSync(from, buffer);
    if (count === 0) return copied;
    for (let written = 0; written < count; ) written += writeSync(to, buffer, written, count - written);
    copied += count;
  }
}
