import { hash } from 'node:crypto';

/** Bytes of one piece of a file at least (but for its last piece), usually, and at most. */
export const pieceSizes = { least: 256 << 10, usual: 1 << 20, most: 4 << 20 } as const;

/** A number for each byte, always the same ones: they decide where files are cut, and so what is known elsewhere. */
const gear = Uint32Array.from({ length: 256 }, (_, byte) =>
  hash('sha256', `stagecraft gear ${byte}`, 'buffer').readUInt32LE(0),
);

/** The bits that must be zero for a cut: more before the usual size and fewer after it, so that sizes stay near it. */
const strictMask = 0xfffffc00;
const looseMask = 0xffffc000;

/**
 * Where the first piece of these bytes ends: by what stands there, not by how far it is from the start, so that bytes put
 * in or taken out change the pieces around them and no others. (FastCDC: Xia et al., USENIX ATC 2016.)
 * @param bytes at least `pieceSizes.most` of them, or all that are left of the file
 */
export function cutLength(bytes: Uint8Array): number {
  if (bytes.length <= pieceSizes.least) return bytes.length;
  const end = Math.min(bytes.length, pieceSizes.most);
  const turn = Math.min(end, pieceSizes.usual);
  let print = 0;
  let at: number = pieceSizes.least;
  // Each byte leaves the print after 32 more.
  for (; at < turn; at++) {
    print = ((print << 1) + gear[bytes[at]!]!) | 0;
    if ((print & strictMask) === 0) return at + 1;
  }
  for (; at < end; at++) {
    print = ((print << 1) + gear[bytes[at]!]!) | 0;
    if ((print & looseMask) === 0) return at + 1;
  }
  return end;
}
