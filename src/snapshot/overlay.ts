import { lstatSync, readFileSync } from 'node:fs';
import { makeNode } from '../syscall/nodes.ts';
import { getXattr, listXattrs, removeXattr, setXattr } from '../syscall/xattrs.ts';
import { type ByteString, fsPath, textFromBytes } from '../util/bytes.ts';
import { StagecraftError } from '../util/errors.ts';
import { ownership, ownerXattr } from './ownership.ts';
import type { OverlayXattrs } from './types.ts';

/** CAP_SYS_ADMIN of capabilities(7). */
const sysAdmin = 1n << 21n;
let own: OverlayXattrs | undefined;

/**
 * Which extended attributes this process uses for overlayfs: `trusted` only as root of the machine with all its
 * rights. With `user` overlays are mounted with the option `userxattr`.
 */
export function overlayXattrs(): OverlayXattrs {
  own ??= ownership().kind === 'real' && hasSysAdmin() ? 'trusted' : 'user';
  return own;
}

function hasSysAdmin(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1'));
  return effective !== null && (BigInt(`0x${effective[1]}`) & sysAdmin) !== 0n;
}

const namespaces = ['trusted.overlay.', 'user.overlay.'] as const;

/** True for a character device 0:0 on disk: "what lies below here is gone" (kernel, filesystems/overlayfs.rst). */
export function isWhiteout(path: ByteString): boolean {
  const stat = lstatSync(fsPath(path));
  return stat.isCharacterDevice() && stat.rdev === 0;
}

export function makeWhiteout(path: ByteString): void {
  makeNode(path, 'char', 0, 0, 0);
}

/** True for a directory that hides the directories of its name below. */
export function isOpaque(directory: ByteString): boolean {
  return namespaces.some(namespace => {
    const value = getXattr(directory, `${namespace}opaque`);
    return value !== undefined && value.length === 1 && value[0] === 0x79;
  });
}

export function makeOpaque(directory: ByteString, xattrs: OverlayXattrs = overlayXattrs()): void {
  setXattr(directory, `${xattrs}.overlay.opaque`, 'y');
}

export function clearOpaque(directory: ByteString): void {
  for (const namespace of namespaces) {
    if (getXattr(directory, `${namespace}opaque`) !== undefined) removeXattr(directory, `${namespace}opaque`);
  }
}

/**
 * The names among an entry's extended attributes that an image keeps, in order. Access control lists and labels of
 * security modules belong to the machine; overlayfs's and our own are form, not content.
 * @throws StagecraftError `unsupported` for what cannot be read without mounting it: overlayfs's redirects and
 * metadata-only copies, which mounts made by us do not allow
 */
export function imageXattrNames(path: ByteString): string[] {
  const names = listXattrs(path);
  if (names.length === 0) return names;
  for (const name of names)
    if (/^(?:trusted|user)\.overlay\.(?:redirect|metacopy)$/.test(name))
      throw new StagecraftError(
        'unsupported',
        `The layer entry ${textFromBytes(path)} is an overlayfs ${name.split('.').pop()}, which has no form in an image.`,
        { hint: 'Mount overlays with redirect_dir=off and metacopy=off.' },
      );
  return names.filter(isImageXattr);
}

export function isImageXattr(name: string): boolean {
  if (name === 'security.capability') return true;
  return name.startsWith('user.') && !name.startsWith('user.overlay.') && name !== ownerXattr;
}

/** The extended attributes that an image keeps. */
export function imageXattrs(path: ByteString): ReadonlyMap<string, Uint8Array> {
  const names = imageXattrNames(path);
  if (names.length === 0) return noXattrs;
  const found = new Map<string, Uint8Array>();
  for (const name of names) {
    const value = getXattr(path, name);
    if (value !== undefined) found.set(name, value);
  }
  return found;
}

export const noXattrs: ReadonlyMap<string, Uint8Array> = new Map();
