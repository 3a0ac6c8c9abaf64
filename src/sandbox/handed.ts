import { closeSync } from 'node:fs';
import { makeMemoryFile } from '../syscall/pipe.ts';

/** The number of the first descriptor after the standard streams. */
const first = 3;

/** Files, in memory for the most part, that a chain of programs inherits as descriptors 3, 4, ... */
export class HandedFiles {
  readonly fds: number[] = [];

  readonly #own: number[] = [];

  /** Adds a file; returns its path in the programs that inherit it. */
  add(data: Uint8Array | string): string {
    const fd = makeMemoryFile(data);
    this.#own.push(fd);
    return this.lend(fd);
  }

  /** The same with a file that stays open here. */
  lend(fd: number): string {
    this.fds.push(fd);
    return `/proc/self/fd/${first + this.fds.length - 1}`;
  }

  close(): void {
    for (const fd of this.#own.splice(0)) closeSync(fd);
  }
}
