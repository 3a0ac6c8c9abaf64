import { closeSync, constants, openSync } from 'node:fs';
import { type ByteString, fsPath } from '../util/bytes.ts';

/** open(2) flag that node:fs does not export: a handle on the place itself. */
const O_PATH = 0o10000000;

/** A directory that is open. */
export interface Place {
  readonly path: ByteString;
  readonly fd: number;
  /** Followed by a name it is a path for node:fs. */
  readonly prefix: string;
}

/**
 * Reaches directories beneath a root so that nobody can lead it out by swapping a directory for a symlink: it opens
 * one name at a time, relative to the directory before (`/proc/PID/fd/N/name` with O_NOFOLLOW, which is openat(2)).
 * It keeps the last path open, so that a walk in depth opens each directory once.
 */
export class Descent {
  readonly #open: Place[];

  /** @throws the error of open(2) if the root is no directory; the root itself may be a symlink */
  constructor(root: string) {
    this.#open = [place('/', openSync(root, O_PATH | constants.O_DIRECTORY))];
  }

  /**
   * The directory at a path; open until the next call.
   * @throws `ENOENT`, `ENOTDIR` or `ELOOP` if some part is not (or no longer) a directory
   */
  enter(path: ByteString): Place {
    let top = this.#open.at(-1)!;
    if (top.path === path) return top;
    while (top.path !== '/' && top.path !== path && !path.startsWith(`${top.path}/`)) {
      closeSync(top.fd);
      this.#open.pop();
      top = this.#open.at(-1)!;
    }
    while (top.path !== path) {
      const start = top.path === '/' ? 1 : top.path.length + 1;
      const slash = path.indexOf('/', start);
      const end = slash === -1 ? path.length : slash;
      const fd = openSync(
        fsPath(top.prefix + path.slice(start, end)),
        O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW,
      );
      top = place(path.slice(0, end), fd);
      this.#open.push(top);
    }
    return top;
  }

  close(): void {
    for (const { fd } of this.#open.splice(0)) closeSync(fd);
  }
}

function place(path: ByteString, fd: number): Place {
  return { path, fd, prefix: `/proc/${process.pid}/fd/${fd}/` };
}
