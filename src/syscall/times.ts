import type { ByteString } from '../util/bytes.ts';
import { cPath, errnoError, libc } from './libc.ts';

const utimensat = libc('int utimensat(int dirfd, const uint8_t *path, const int64_t *times, int flags)');
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const second = 1_000_000_000n;
const times = new BigInt64Array(4);

/** Sets access and modification time, nanoseconds since the epoch, of the path itself: never through a symlink. */
export function setTimes(path: ByteString, mtimeNs: bigint): void {
  let nanoseconds = mtimeNs % second;
  if (nanoseconds < 0n) nanoseconds += second;
  const seconds = (mtimeNs - nanoseconds) / second;
  times[0] = times[2] = seconds;
  times[1] = times[3] = nanoseconds;
  if (utimensat(AT_FDCWD, cPath(path), times, AT_SYMLINK_NOFOLLOW) !== 0) throw errnoError('utimensat', path);
}
