import type { ByteString } from '../util/bytes.ts';
import { cPath, errnoError, libc } from './libc.ts';

const mknod = libc('int mknod(const uint8_t *path, uint32_t mode, uint64_t dev)');

const typeBits = {
  file: 0o100000,
  char: 0o020000,
  block: 0o060000,
  fifo: 0o010000,
  socket: 0o140000,
} as const;

/** The kernel's device number for a major and a minor number (glibc's `makedev`). */
export function deviceNumber(major: number, minor: number): bigint {
  const [ma, mi] = [BigInt(major), BigInt(minor)];
  return ((ma & 0xfffff000n) << 32n) | ((ma & 0xfffn) << 8n) | ((mi & 0xffffff00n) << 12n) | (mi & 0xffn);
}

/** The major and minor number in a device number. */
export function splitDeviceNumber(dev: bigint): { major: number; minor: number } {
  return {
    major: Number(((dev >> 32n) & 0xfffff000n) | ((dev >> 8n) & 0xfffn)),
    minor: Number(((dev >> 12n) & 0xffffff00n) | (dev & 0xffn)),
  };
}

/**
 * Makes a device, fifo, socket or empty file. `mode` holds permission bits only, and the process's umask applies.
 * A `char` 0:0, which is an overlayfs whiteout, needs no privilege; other devices need real root.
 */
export function makeNode(
  path: ByteString,
  type: keyof typeof typeBits,
  mode: number,
  major = 0,
  minor = 0,
): void {
  if (mknod(cPath(path), typeBits[type] | mode, deviceNumber(major, minor)) !== 0)
    throw errnoError('mknod', path);
}
