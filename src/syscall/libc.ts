import { createRequire } from 'node:module';
import { constants } from 'node:os';

type Koffi = typeof import('koffi').default;
type CFunction = (...args: unknown[]) => number;

const require = createRequire(import.meta.url);
const errnoNames = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));
let loaded: { koffi: Koffi; library: ReturnType<Koffi['load']>; errno: Int32Array } | undefined;
/** The `errno` that the last call left: noted at once, as a garbage collection after the call makes calls of its own. */
let last = 0;

/** The library takes ten milliseconds to load, and a build with nothing to do calls nothing. */
function load(): NonNullable<typeof loaded> {
  if (loaded === undefined) {
    const koffi = require('koffi') as Koffi;
    const library = koffi.load('libc.so.6');
    // A view of the thread's own variable takes no call to be read, between which anything could happen.
    const location = library.func('void *__errno_location()')();
    loaded = { koffi, library, errno: new Int32Array(koffi.view(location, 4)) };
  }
  return loaded;
}

/**
 * A C function of libc by its prototype, looked up at the first call; 64-bit results within the safe range are numbers.
 */
export function libc(prototype: string): CFunction {
  let bound: CFunction | undefined;
  return (...args) => {
    bound ??= load().library.func(prototype) as CFunction;
    const { errno } = loaded!;
    const result = bound(...args);
    last = errno[0]!;
    return result;
  };
}

/** The last call's failure as an error in the shape `node:fs` throws: `code`, `errno`, `syscall` and `path`. */
export function errnoError(syscall: string, path?: string): NodeJS.ErrnoException {
  const errno = last;
  const code = errnoNames.get(errno) ?? `E${errno}`;
  const error: NodeJS.ErrnoException = new Error(
    `${code}: ${syscall}${path === undefined ? '' : ` '${path}'`}`,
  );
  error.code = code;
  error.errno = -errno;
  error.syscall = syscall;
  if (path !== undefined) error.path = path;
  return error;
}

/** The `errno` that the last call left, such as `ENODATA`. */
export function lastErrno(): string {
  return errnoNames.get(last) ?? '';
}

/** A byte string as the NUL-terminated buffer that C takes as a path. */
export function cPath(path: string): Buffer {
  return Buffer.from(`${path}\0`, 'latin1');
}

/** Where the bytes of a buffer lie in memory, for structures that point to it; keep the buffer alive meanwhile. */
export function addressOf(buffer: Buffer): bigint {
  return load().koffi.address(buffer);
}
