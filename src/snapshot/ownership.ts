import { lchownSync, readFileSync } from 'node:fs';
import { getXattr, removeXattr, setXattr } from '../syscall/xattrs.ts';
import { type ByteString, fsPath } from '../util/bytes.ts';
import type { EntryType } from './types.ts';

/** Holds the owner `uid:gid` that an image shall see where this process cannot give files to others. */
export const ownerXattr = 'user.stagecraft.owner';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** How the owners in images lie on disk. */
export interface Ownership {
  /**
   * - `real`: as they are, this process being root of the machine.
   * - `mapped`: as they are, in a user namespace with many ids. Layers from a time without them are still understood.
   * - `single`: this process has one id only. Everything belongs to it, which is root in the image; any other owner is
   *   kept in an extended attribute, on files and directories: the kernel allows none on other types, which stay
   *   root's.
   */
  readonly kind: 'real' | 'mapped' | 'single';
  /** The owner in the image, from the owner on disk. */
  read(path: ByteString, type: EntryType, uid: number, gid: number): Owner;
  /** Sets the owner in the image; never follows a symlink. Comes before modes, which a change of owner may clear. */
  write(path: ByteString, type: EntryType, owner: Owner): void;
}

let own: Ownership | undefined;

/** The form that this process can work with. */
export function ownership(): Ownership {
  own ??= makeOwnership(detect());
  return own;
}

export function makeOwnership(kind: Ownership['kind']): Ownership {
  if (kind === 'real') return { kind, read: (_path, _type, uid, gid) => ({ uid, gid }), write: chown };
  const [self, selfGroup] = [process.geteuid!(), process.getegid!()];
  return {
    kind,
    read(path, type, uid, gid) {
      if (uid === self && (type === 'file' || type === 'directory')) {
        const kept = getXattr(path, ownerXattr);
        if (kept !== undefined) return parse(kept, path);
      }
      // Outside of a namespace an ordinary user's own files are those of root in the image.
      return { uid: uid === self ? 0 : uid, gid: gid === selfGroup ? 0 : gid };
    },
    write(path, type, owner) {
      if (kind === 'mapped') return chown(path, type, owner);
      if (type !== 'file' && type !== 'directory') return;
      if (owner.uid === 0 && owner.gid === 0) removeXattr(path, ownerXattr);
      else setXattr(path, ownerXattr, `${owner.uid}:${owner.gid}`);
    },
  };
}

function chown(path: ByteString, _type: EntryType, owner: Owner): void {
  lchownSync(fsPath(path), owner.uid, owner.gid);
}

function parse(value: Uint8Array, path: ByteString): Owner {
  const parts = /^([0-9]{1,10}):([0-9]{1,10})$/.exec(Buffer.from(value).toString('latin1'));
  if (parts === null) throw new Error(`${path} has a malformed attribute ${ownerXattr}`);
  return { uid: Number(parts[1]), gid: Number(parts[2]) };
}

/** Looks at the ids that this process's namespace maps: user_namespaces(7). */
function detect(): Ownership['kind'] {
  if (process.geteuid!() !== 0) return 'single';
  const lines = readFileSync('/proc/self/uid_map', 'latin1').trim().split('\n');
  const ranges = lines.map(line => line.trim().split(/ +/).map(Number));
  if (ranges.length === 1 && ranges[0]![2] === 0xffffffff) return 'real';
  return ranges.reduce((total, range) => total + range[2]!, 0) > 1 ? 'mapped' : 'single';
}
