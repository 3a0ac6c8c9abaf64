import { closeSync, constants, openSync } from 'node:fs';
import { errnoError, libc } from './libc.ts';

const posixOpenpt = libc('int posix_openpt(int flags)');
const grantpt = libc('int grantpt(int fd)');
const unlockpt = libc('int unlockpt(int fd)');
const ptsname = libc('int ptsname_r(int fd, uint8_t *name, uint64_t size)');
const tcgetattr = libc('int tcgetattr(int fd, uint8_t *termios)');
const tcsetattr = libc('int tcsetattr(int fd, int when, const uint8_t *termios)');
const cfmakeraw = libc('void cfmakeraw(uint8_t *termios)');
const ioctl = libc('int ioctl(int fd, uint64_t request, const uint8_t *argument)');

const O_CLOEXEC = 0o2000000;
const TIOCSWINSZ = 0x5414;

/** Makes a pseudoterminal: pty(7). The caller closes both ends. */
export function openPseudoterminal(): { master: number; slave: number } {
  const master = posixOpenpt(constants.O_RDWR | constants.O_NOCTTY | O_CLOEXEC);
  if (master < 0) throw errnoError('posix_openpt');
  try {
    const name = Buffer.alloc(64);
    if (grantpt(master) !== 0) throw errnoError('grantpt');
    if (unlockpt(master) !== 0) throw errnoError('unlockpt');
    if (ptsname(master, name, name.length) !== 0) throw errnoError('ptsname_r');
    const path = name.toString('latin1', 0, name.indexOf(0));
    return { master, slave: openSync(path, constants.O_RDWR | constants.O_NOCTTY) };
  } catch (error) {
    closeSync(master);
    throw error;
  }
}

/** Sets the size of a terminal: ioctl_tty(2). */
export function setTerminalSize(fd: number, columns: number, rows: number): void {
  const size = Buffer.alloc(8);
  size.writeUInt16LE(rows, 0);
  size.writeUInt16LE(columns, 2);
  if (ioctl(fd, TIOCSWINSZ, size) !== 0) throw errnoError('ioctl');
}

/** Bytes that hold a `struct termios` of any C library. */
const termiosSize = 128;
const TCSADRAIN = 1;

/**
 * Has a terminal pass everything on as it is, in both directions; returns what puts it back. (Node's raw mode still
 * changes what is printed.)
 */
export function makeRaw(fd: number): () => void {
  const before = Buffer.alloc(termiosSize);
  if (tcgetattr(fd, before) !== 0) throw errnoError('tcgetattr');
  const raw = Buffer.from(before);
  cfmakeraw(raw);
  if (tcsetattr(fd, TCSADRAIN, raw) !== 0) throw errnoError('tcsetattr');
  return () => {
    tcsetattr(fd, TCSADRAIN, before);
  };
}
