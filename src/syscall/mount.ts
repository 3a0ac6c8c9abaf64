import type { ByteString } from '../util/bytes.ts';
import { cPath, errnoError, libc } from './libc.ts';

const cMount = libc(
  'int mount(const uint8_t *source, const uint8_t *target, const char *type, uint64_t flags, const uint8_t *data)',
);
const cUmount2 = libc('int umount2(const uint8_t *target, int flags)');
const cSyscall2 = libc('int64_t syscall(int64_t number, const uint8_t *first, const uint8_t *second)');

/** Mount flags of linux/mount.h. */
export const mountFlag = {
  ro: 1,
  nosuid: 2,
  nodev: 4,
  noexec: 8,
  remount: 32,
  noatime: 1024,
  nodiratime: 2048,
  bind: 4096,
  move: 8192,
  rec: 16384,
  private: 1 << 18,
  slave: 1 << 19,
  relatime: 1 << 21,
  strictatime: 1 << 24,
} as const;

const MNT_DETACH = 2;

/** mount(2). `source` and `data` may be empty. */
export function mount(source: ByteString, target: ByteString, type: string, flags: number, data = ''): void {
  if (cMount(cPath(source), cPath(target), type, flags, cPath(data)) !== 0) throw errnoError('mount', target);
}

/** Takes a mount out of the tree at once; it ends when nothing uses it any more. */
export function detachMount(target: ByteString): void {
  if (cUmount2(cPath(target), MNT_DETACH) !== 0) throw errnoError('umount2', target);
}

const pivotRootNumbers: Partial<Record<NodeJS.Architecture, number>> = { x64: 155, arm64: 41 };

/** pivot_root(2): `newRoot` becomes `/`, and what was there is mounted at `putOld`. */
export function pivotRoot(newRoot: ByteString, putOld: ByteString): void {
  const number = pivotRootNumbers[process.arch];
  if (number === undefined) throw new Error(`pivot_root has no known number on ${process.arch}.`);
  if (cSyscall2(number, cPath(newRoot), cPath(putOld)) !== 0) throw errnoError('pivot_root', newRoot);
}
