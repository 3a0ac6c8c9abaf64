import { closeSync } from 'node:fs';
import { makeMemoryFile } from '../syscall/pipe.ts';

/** The number of the first descriptor after the standard streams. */
const first = 3;

/** Files in memory that a chain of programs inherits as descriptors 3, 4, ... */
export class HandedFiles {
  readonly fds: number[] = [];

  /** Adds a file; returns its path in the programs that inherit it. */
  add(data: Uint8Array | string): string {
    this.fds.push(makeMemoryFile(data));
    return `/proc/self/fd/${first + this.fds.length - 1}`;
  }

  close(): void {
    for (const fd of this.fds.splice(0)) closeSync(fd);
  }
}
