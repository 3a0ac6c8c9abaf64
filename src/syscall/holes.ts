import { errnoError, lastErrno, libc } from './libc.ts';

const lseek = libc('int64_t lseek(int fd, int64_t offset, int whence)');
const SEEK_DATA = 3;
const SEEK_HOLE = 4;

/**
 * The parts of an open file that hold data, in order; all between them are holes. One part with all of it where the
 * file system cannot tell. Moves the file's offset.
 */
export function* dataRanges(fd: number, size: number): Generator<{ offset: number; length: number }> {
  for (let at = 0; at < size; ) {
    const start = Number(lseek(fd, at, SEEK_DATA));
    if (start < 0) {
      const code = lastErrno();
      // Nothing but a hole to the end.
      if (code === 'ENXIO') return;
      if (code !== 'EINVAL') throw errnoError('lseek');
      yield { offset: at, length: size - at };
      return;
    }
    const end = Math.min(Number(lseek(fd, start, SEEK_HOLE)), size);
    if (end <= start) return;
    yield { offset: start, length: end - start };
    at = end;
  }
}
