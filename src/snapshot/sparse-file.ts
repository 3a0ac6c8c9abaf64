import { writeSync } from 'node:fs';

/** Bytes looked at together: a hole is worth its while from here on. */
const block = 64 << 10;
const zeros = Buffer.alloc(block);

/** Writes to a new file, leaving holes where whole blocks are zeros. The caller sets the file's length in the end. */
export class SparseFile {
  /** The end of what was written so far. */
  end = 0;
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(bytes: Buffer, position: number): void {
    let from = 0;
    for (let at = 0; at + block <= bytes.length; at += block) {
      if (bytes[at] !== 0 || !isZero(bytes, at)) continue;
      this.#put(bytes, from, at, position);
      from = at + block;
    }
    this.#put(bytes, from, bytes.length, position);
  }

  #put(bytes: Buffer, start: number, end: number, position: number): void {
    for (let at = start; at < end; ) at += writeSync(this.#fd, bytes, at, end - at, position + at);
    if (end > start) this.end = position + end;
  }
}

function isZero(bytes: Buffer, start: number): boolean {
  return bytes.compare(zeros, 0, block, start, start + block) === 0;
}
