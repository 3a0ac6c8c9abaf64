import { writeSync } from 'node:fs';
import { errnoError, libc } from './libc.ts';

const pipe2 = libc('int pipe2(int32_t *ends, int flags)');
const memfdCreate = libc('int memfd_create(const char *name, unsigned int flags)');

const O_CLOEXEC = 0o2000000;
const MFD_CLOEXEC = 1;

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
  const fd = memfdCreate('stagecraft', MFD_CLOEXEC);
  if (fd < 0) throw errnoError('memfd_create');
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, done);
  return fd;
}
