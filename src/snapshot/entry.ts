import { type BigIntStats, lstatSync } from 'node:fs';
import { splitDeviceNumber } from '../syscall/nodes.ts';
import { type ByteString, fsPath } from '../util/bytes.ts';
import { type Ownership, ownership } from './ownership.ts';
import type { Entry, EntryType } from './types.ts';

const typeMask = 0o170000n;
const types = new Map<bigint, EntryType>([
  [0o100000n, 'file'],
  [0o040000n, 'directory'],
  [0o120000n, 'symlink'],
  [0o020000n, 'char'],
  [0o060000n, 'block'],
  [0o010000n, 'fifo'],
  [0o140000n, 'socket'],
]);
const noDevice = { major: 0, minor: 0 };

/** The entry at a path on disk, with the owner an image shall see; nothing if absent. Never follows a symlink. */
export function readEntry(path: ByteString, owners: Ownership = ownership()): Entry | undefined {
  const stat = lstatSync(fsPath(path), { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? undefined : entryOf(stat, path, owners);
}

/** The entry that a `stat` of a path tells of. */
export function entryOf(stat: BigIntStats, path: ByteString, owners: Ownership): Entry {
  const type = types.get(stat.mode & typeMask)!;
  const owner = owners.read(path, type, Number(stat.uid), Number(stat.gid));
  return {
    type,
    mode: Number(stat.mode & 0o7777n),
    uid: owner.uid,
    gid: owner.gid,
    size: type === 'file' ? Number(stat.size) : 0,
    mtimeNs: stat.mtimeNs,
    dev: Number(stat.dev),
    ino: Number(stat.ino),
    nlink: Number(stat.nlink),
    ctimeNs: stat.ctimeNs,
    rdev: type === 'char' || type === 'block' ? splitDeviceNumber(stat.rdev) : noDevice,
  };
}

/** What stands for a directory that no layer has: the root of `scratch`. */
export const emptyRoot: Entry = {
  ...{ type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0, mtimeNs: 0n, ctimeNs: 0n },
  ...{ dev: 0, ino: 0, nlink: 1, rdev: noDevice },
};
