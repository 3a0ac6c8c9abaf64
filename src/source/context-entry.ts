import { type BigIntStats, constants, lstatSync } from 'node:fs';
import type { Entry } from '../snapshot/types.ts';
import type { Stat } from '../syscall/stat.ts';
import { type ByteString, fsPath } from '../util/bytes.ts';

// Entries of this machine as an image shall see them: owned by root.

const types: Record<number, Entry['type']> = {
  [constants.S_IFREG]: 'file',
  [constants.S_IFDIR]: 'directory',
  [constants.S_IFLNK]: 'symlink',
  [constants.S_IFCHR]: 'char',
  [constants.S_IFBLK]: 'block',
  [constants.S_IFIFO]: 'fifo',
  [constants.S_IFSOCK]: 'socket',
};
const noDevice = { major: 0, minor: 0 };

/** The entry at a path for node:fs, not followed; nothing if absent. */
export function entryAt(path: ByteString): Entry | undefined {
  const stat = lstatSync(fsPath(path), { bigint: true, throwIfNoEntry: false });
  return stat && entryOf(stat);
}

export function entryOf(stat: BigIntStats): Entry {
  return entryFrom({
    mode: Number(stat.mode),
    nlink: Number(stat.nlink),
    ino: Number(stat.ino),
    size: Number(stat.size),
    mtimeNs: stat.mtimeNs,
    ctimeNs: stat.ctimeNs,
    dev: Number(stat.dev),
    rdev: stat.rdev === 0n ? noDevice : deviceOf(stat.rdev),
  })!;
}

export function entryFrom(stat: Omit<Stat, 'uid' | 'gid'> | undefined): Entry | undefined {
  if (stat === undefined) return undefined;
  const type = types[stat.mode & constants.S_IFMT]!;
  const isDevice = type === 'char' || type === 'block';
  return {
    type,
    mode: stat.mode & 0o7777,
    uid: 0,
    gid: 0,
    size: type === 'file' ? stat.size : 0,
    mtimeNs: stat.mtimeNs,
    dev: stat.dev,
    ino: stat.ino,
    nlink: stat.nlink,
    ctimeNs: stat.ctimeNs,
    rdev: isDevice ? stat.rdev : noDevice,
  };
}

/** As the kernel packs device numbers (glibc's `major` and `minor`). */
function deviceOf(dev: bigint): { major: number; minor: number } {
  return {
    major: Number(((dev >> 32n) & 0xfffff000n) | ((dev >> 8n) & 0xfffn)),
    minor: Number(((dev >> 12n) & 0xffffff00n) | (dev & 0xffn)),
  };
}
