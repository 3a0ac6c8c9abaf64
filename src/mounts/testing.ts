import { createCipheriv, hash } from 'node:crypto';

/** Bytes that do not compress, and are always the same for a seed. For tests. */
export function noise(seed: string, size: number): Buffer {
  const key = hash('sha256', seed, 'buffer').subarray(0, 16);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
}
