import type { ByteString } from '../util/bytes.ts';
import { cPath, errnoError, lastErrno, libc } from './libc.ts';

const lgetxattr = libc(
  'int64_t lgetxattr(const uint8_t *path, const char *name, uint8_t *value, uint64_t size)',
);
const fgetxattr = libc('int64_t fgetxattr(int fd, const char *name, uint8_t *value, uint64_t size)');
const lsetxattr = libc(
  'int lsetxattr(const uint8_t *path, const char *name, const uint8_t *value, uint64_t size, int flags)',
);
const llistxattr = libc('int64_t llistxattr(const uint8_t *path, uint8_t *list, uint64_t size)');
const lremovexattr = libc('int lremovexattr(const uint8_t *path, const char *name)');

/** The kernel's limit for one value (XATTR_SIZE_MAX) and for a list of names (XATTR_LIST_MAX), in bytes. */
const maximum = 65536;
const scratch = Buffer.alloc(maximum);

/** The value of an extended attribute, nothing where it is absent; never follows a symlink. */
export function getXattr(path: ByteString, name: string): Uint8Array | undefined {
  return attribute(lgetxattr(cPath(path), name, scratch, maximum), 'lgetxattr', path);
}

/** The value of an extended attribute of an open file, nothing where it is absent. */
export function getXattrOfFile(fd: number, name: string): Uint8Array | undefined {
  return attribute(fgetxattr(fd, name, scratch, maximum), 'fgetxattr');
}

function attribute(size: number, syscall: string, path?: ByteString): Uint8Array | undefined {
  if (size >= 0) return Uint8Array.prototype.slice.call(scratch, 0, size);
  const code = lastErrno();
  if (code === 'ENODATA' || code === 'ENOTSUP' || code === 'EOPNOTSUPP') return undefined;
  throw errnoError(syscall, path);
}

/** Sets an extended attribute; never follows a symlink. */
export function setXattr(path: ByteString, name: string, value: Uint8Array | string): void {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  if (lsetxattr(cPath(path), name, bytes, bytes.length, 0) !== 0) throw errnoError('lsetxattr', path);
}

/** Names of all extended attributes that this process may see, sorted; never follows a symlink. */
export function listXattrs(path: ByteString): string[] {
  const size = llistxattr(cPath(path), scratch, maximum);
  if (size < 0) {
    const code = lastErrno();
    if (code === 'ENOTSUP' || code === 'EOPNOTSUPP') return [];
    throw errnoError('llistxattr', path);
  }
  if (size === 0) return [];
  return scratch
    .toString('latin1', 0, size - 1)
    .split('\0')
    .sort();
}

/** Removes an extended attribute where it is there. */
export function removeXattr(path: ByteString, name: string): void {
  if (lremovexattr(cPath(path), name) !== 0 && lastErrno() !== 'ENODATA')
    throw errnoError('lremovexattr', path);
}
