import { writeSync } from 'node:fs';
import { errnoError, libc } from './libc.ts';

const pipe2 = libc('int pipe2(int32_t *ends, int flags)');
const memfdCreate = libc('int memfd_create(const char *name, unsigned int flags)');
const fcntl = libc('int fcntl(int fd, int command, int64_t argument)');

const O_CLOEXEC = 0o2000000;
const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
/** F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW and F_SEAL_WRITE. */
const allSeals = 0xf;

/**
 * A pipe(2), closed in programs that this process starts unless given to them. Node's own "pipes" are sockets, which
 * a program cannot open again as `/dev/stdout`.
 */
export function makePipe(): { read: number; write: number } {
  const ends = new Int32Array(2);
  if (pipe2(ends, O_CLOEXEC) !== 0) throw errnoError('pipe2');
  return { read: ends[0]!, write: ends[1]! };
}

/**
 * A file in memory that has no name, at its start; gone when the last descriptor is closed. A program that inherits it
 * can open it as `/proc/self/fd/N`.
 */
export function makeMemoryFile(data: Uint8Array | string): number {
  return createMemoryFile(data, MFD_CLOEXEC);
}

/** The same, which nobody can change from now on: not through another descriptor either. */
export function makeSealedFile(data: Uint8Array): number {
  const fd = createMemoryFile(data, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fcntl(fd, F_ADD_SEALS, allSeals) !== 0) throw errnoError('fcntl');
  return fd;
}

function createMemoryFile(data: Uint8Array | string, flags: number): number {
  const fd = memfdCreate('stagecraft', flags);
  if (fd < 0) throw errnoError('memfd_create');
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, done);
  return fd;
}
