import { hash } from 'node:crypto';
import { readSync } from 'node:fs';
import { startDigest } from '../util/digest.ts';
import { Pace } from '../util/pace.ts';

const buffer = Buffer.allocUnsafeSlow(1 << 18);

/** SHA-256 of an open file from its start, 64 hex digits; a promise for a file that does not fit the buffer. */
export function hashFile(fd: number, size: number): string | Promise<string> {
  if (size >= buffer.length) return hashLargeFile(fd);
  let filled = 0;
  for (;;) {
    const count = readSync(fd, buffer, filled, buffer.length - filled, filled);
    filled += count;
    if (filled === buffer.length) return hashLargeFile(fd);
    // A read that meets the expected size has most likely met the end; the caller compares `fstat` afterwards.
    if (count === 0 || filled === size) return hash('sha256', buffer.subarray(0, filled), 'hex');
  }
}

async function hashLargeFile(fd: number): Promise<string> {
  const running = startDigest();
  const chunk = Buffer.allocUnsafe(1 << 18);
  const pace = new Pace();
  for (let position = 0; ; ) {
    const count = readSync(fd, chunk, 0, chunk.length, position);
    if (count === 0) return running.digest('hex');
    running.update(chunk.subarray(0, count));
    position += count;
    if (pace.due) await pace.rest();
  }
}
