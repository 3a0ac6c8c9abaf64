import { closeSync, mkdirSync, writeFileSync } from 'node:fs';
import { posix } from 'node:path';
import { O_PATH, openBeneath } from '../../syscall/open.ts';
import { bytesFromText, fsPath } from '../../util/bytes.ts';
import { isErrno } from '../../util/errors.ts';

/** Works on what a path in the new root stands for; nothing in the root leads out of it. */
export class NewRoot {
  readonly #fd: number;

  /** `fd`: the root's directory. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Calls `use` with a path of the kernel's for an existing place in the root; false if there is none. */
  at(path: string, use: (place: string) => void): boolean {
    let fd: number;
    try {
      fd = openBeneath(this.#fd, bytesFromText(path), O_PATH);
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR')) return false;
      throw error;
    }
    try {
      use(`/proc/self/fd/${fd}`);
      return true;
    } finally {
      closeSync(fd);
    }
  }

  /** As {@link at}, making what is missing: the directories of the path, and a directory or an empty file at its end. */
  ensure(path: string, kind: 'directory' | 'file', use: (place: string) => void): void {
    if (this.at(path, use)) return;
    this.ensure(posix.dirname(path), 'directory', parent => {
      const place = fsPath(bytesFromText(`${parent}/${posix.basename(path)}`));
      if (kind === 'directory') mkdirSync(place, 0o755);
      else writeFileSync(place, '', { flag: 'wx', mode: 0o644 });
    });
    if (!this.at(path, use)) throw new Error(`${path} cannot be made in the root file system`);
  }
}
