import type { ByteString } from '../util/bytes.ts';
import { cPath, errnoError, libc } from './libc.ts';

const openat2 = libc(
  'int64_t syscall(int64_t number, int dirfd, const uint8_t *path, const uint64_t *how, uint64_t size)',
);
/** The same number on every architecture: openat2 is newer than the unified table. */
const SYS_openat2 = 437;
const RESOLVE_NO_MAGICLINKS = 0x02n;
const RESOLVE_NO_SYMLINKS = 0x04n;
const RESOLVE_IN_ROOT = 0x10n;
const O_CLOEXEC = 0o2000000;
const how = new BigUint64Array(3);

/** An `open` flag that node:fs does not export: a handle on the path itself, without reading. */
export const O_PATH = 0o10000000;

/**
 * Opens a path beneath a directory as if that directory were `/`: neither `..`, an absolute path nor a symlink leads
 * out of it, whatever other processes change meanwhile (openat2(2), Linux 5.6). With `symlinks: false` no symlink is
 * followed at all. Returns a file descriptor; the caller closes it.
 */
export function openBeneath(
  rootFd: number,
  path: ByteString,
  flags: number,
  options: { symlinks?: boolean; mode?: number } = {},
): number {
  how[0] = BigInt(flags | O_CLOEXEC);
  how[1] = BigInt(options.mode ?? 0);
  how[2] = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | (options.symlinks === false ? RESOLVE_NO_SYMLINKS : 0n);
  const fd = openat2(SYS_openat2, rootFd, cPath(path), how, 24);
  if (fd < 0) throw errnoError('openat2', path);
  return Number(fd);
}
