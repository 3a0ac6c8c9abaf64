import { closeSync, constants, openSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { makeRaw, openPseudoterminal, setTerminalSize } from '../syscall/terminal.ts';
import { isErrno } from '../util/errors.ts';

/** A terminal for a sandbox, connected with this process's own. */
export interface Terminal {
  /** What the sandbox has as its standard streams; to be closed once that is started. */
  readonly slave: number;
  close(): void;
}

/** Makes a terminal and passes on what is typed, printed, and how large the window is. */
export function connectTerminal(): Terminal {
  const { master, slave } = openPseudoterminal();
  const stream = new ReadStream(master);
  // The kernel says EIO when the last process that has the terminal is gone.
  stream.on('error', () => {});
  stream.on('data', data => process.stdout.write(data));
  const typed = (data: Buffer): void => {
    stream.write(data);
  };
  const restore = process.stdin.isTTY ? makeRaw(0) : () => {};
  process.stdin.on('data', typed);
  const stopFollowing = followSize(() => (stream.destroyed ? undefined : master));
  return {
    slave,
    close() {
      stopFollowing();
      process.stdin.off('data', typed);
      process.stdin.pause();
      restore();
      stream.destroy();
    },
  };
}

/**
 * Keeps the terminal that a process of a sandbox has as standard input as large as this process's own: not every
 * runtime does. `pid` tells the process as soon as there is one.
 */
export function followSizeOf(pid: () => number | undefined): () => void {
  return followSize(() => {
    const id = pid();
    return id === undefined ? undefined : openSync(`/proc/${id}/fd/0`, constants.O_RDWR | constants.O_NOCTTY);
  }, closeSync);
}

/** Sets the size of a terminal now, if there is one yet, and whenever the window changes. Returns what ends that. */
function followSize(terminal: () => number | undefined, done: (fd: number) => void = () => {}): () => void {
  const follow = (): void => {
    const { columns, rows } = process.stdout;
    if (columns === undefined || rows === undefined) return;
    try {
      const fd = terminal();
      if (fd === undefined) return;
      setTerminalSize(fd, columns, rows);
      done(fd);
    } catch (error) {
      // The process ended just now.
      if (!isErrno(error, 'ENOENT', 'EIO', 'ESRCH', 'ENOTTY', 'EBADF', 'ENXIO')) throw error;
    }
  };
  follow();
  process.stdout.on('resize', follow);
  return () => {
    process.stdout.off('resize', follow);
  };
}
