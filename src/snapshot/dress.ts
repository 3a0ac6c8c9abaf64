import { chmodSync } from 'node:fs';
import { setXattr } from '../syscall/xattrs.ts';
import { type ByteString, fsPath } from '../util/bytes.ts';
import { isErrno } from '../util/errors.ts';
import { ownership } from './ownership.ts';
import type { EntryType, Metadata } from './types.ts';

/** Sets owner, mode and, where given, attributes of an entry on disk; in the order in which the kernel keeps them. */
export function dress(
  place: ByteString,
  type: EntryType,
  metadata: Pick<Metadata, 'mode' | 'uid' | 'gid'> & { xattrs?: Metadata['xattrs'] | undefined },
): void {
  ownership().write(place, type, metadata);
  // The kernel allows the attributes that an image keeps on no other types.
  if (type === 'file' || type === 'directory') setXattrs(place, metadata.xattrs);
  if (type !== 'symlink') chmodSync(fsPath(place), metadata.mode);
}

export function setXattrs(place: ByteString, xattrs: Metadata['xattrs'] | undefined): void {
  if (xattrs === undefined) return;
  for (const [name, value] of xattrs) {
    try {
      setXattr(place, name, value);
    } catch (error) {
      // Not every file system holds those of users; nothing breaks without them.
      if (!name.startsWith('user.') || !isErrno(error, 'ENOTSUP', 'EOPNOTSUPP')) throw error;
    }
  }
}
