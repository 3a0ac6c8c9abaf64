import type { ByteString } from '../util/bytes.ts';

/**
 * The parts of a name in an archive, from the root: a leading slash and `.` mean nothing, `..` takes back the part
 * before it. Nothing where it would lead out of the root.
 */
export function cleanName(name: ByteString): ByteString[] | undefined {
  const parts: ByteString[] = [];
  for (const part of name.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts;
}

/** All parts but the last. */
export function parentParts(parts: readonly ByteString[]): readonly ByteString[] {
  return parts.slice(0, -1);
}
