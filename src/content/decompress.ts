import { spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { isErrno, StagecraftError } from '../util/errors.ts';

export type CompressedForm = 'none' | 'gzip' | 'zstd' | 'xz' | 'bzip2';

const longestMagic = 6;

/** What the first bytes say of how the rest is compressed. `none` also for fewer bytes than a magic number has. */
export function detectCompression(start: Uint8Array): CompressedForm {
  const starts = (...bytes: number[]): boolean => bytes.every((byte, index) => start[index] === byte);
  if (starts(0x1f, 0x8b, 0x08)) return 'gzip';
  if (starts(0x28, 0xb5, 0x2f, 0xfd)) return 'zstd';
  // A skippable frame may come first (RFC 8878, 3.1.2).
  if ((start[0]! & 0xf0) === 0x50 && start[1] === 0x2a && start[2] === 0x4d && start[3] === 0x18)
    return 'zstd';
  if (starts(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00)) return 'xz';
  if (starts(0x42, 0x5a, 0x68)) return 'bzip2';
  return 'none';
}

/**
 * The content of a stream that may be compressed, as its first bytes say; of several members or frames all content.
 * xz and bzip2 are read by the programs of these names.
 * @throws StagecraftError `integrity` for damaged or cut-off data; `unsupported` where such a program is missing
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator =
    Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  let isPassed = false;
  try {
    const start: Uint8Array[] = [];
    let length = 0;
    while (length < longestMagic) {
      const { value, done } = await iterator.next();
      if (done) break;
      start.push(value);
      length += value.length;
    }
    const form = detectCompression(start.length === 1 ? start[0]! : Buffer.concat(start));
    const whole = chain(start, iterator);
    isPassed = true;
    if (form === 'none') yield* whole;
    else yield* through(whole, form);
  } finally {
    if (!isPassed) await iterator.return?.();
  }
}

async function* chain(
  start: Uint8Array[],
  rest: AsyncIterator<Uint8Array> | Iterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* start;
    for (;;) {
      const { value, done } = await rest.next();
      if (done) return;
      yield value;
    }
  } finally {
    await rest.return?.();
  }
}

async function* through(
  source: AsyncIterable<Uint8Array>,
  form: Exclude<CompressedForm, 'none'>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const chunkSize = 1 << 18;
  if (form === 'xz' || form === 'bzip2') {
    yield* throughProgram(source, form);
    return;
  }
  const inflater: Duplex =
    form === 'gzip' ? createGunzip({ chunkSize }) : createZstdDecompress({ chunkSize });
  const fed = pipeline(source, inflater);
  fed.catch(() => undefined);
  try {
    yield* inflater;
  } catch (error) {
    throw isDataError(error) ? damaged(form, (error as Error).message) : error;
  } finally {
    inflater.destroy();
    // The source is closed before the reader goes on; an error was that of the iteration.
    await fed.catch(() => undefined);
  }
}

async function* throughProgram(
  source: AsyncIterable<Uint8Array>,
  program: 'xz' | 'bzip2',
): AsyncGenerator<Uint8Array, void, undefined> {
  const child = spawn(program, ['-dc'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', text => {
    complaint = `${complaint}${text}`.slice(-1000);
  });
  const exit = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(signal === null ? (code ?? 1) : 128));
  });
  exit.catch(() => undefined);
  let sourceError: unknown;
  const fed = pipeline(source, child.stdin).catch(error => {
    // When the program stops early, its own complaint says why.
    if (isErrno(error, 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE')) return;
    sourceError = error;
    child.kill();
  });
  try {
    yield* child.stdout;
    const code = await exit.catch(error => {
      throw new StagecraftError('unsupported', `Cannot read ${program} data: ${(error as Error).message}.`, {
        hint: `Install the program ${program} (Debian: ${program === 'xz' ? 'xz-utils' : 'bzip2'}).`,
        cause: error,
      });
    });
    if (sourceError !== undefined) throw sourceError;
    if (code !== 0)
      throw damaged(program, complaint.trim().split('\n').at(-1) || `it ended with code ${code}`);
  } finally {
    if (child.exitCode === null && child.signalCode === null) child.kill();
    child.stdin.destroy();
    await fed;
  }
}

function isDataError(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && /^(Z_|ZSTD_|ERR_ZLIB|ERR_ZSTD)/.test(String(error.code))
  );
}

function damaged(form: string, reason: string): StagecraftError {
  return new StagecraftError('integrity', `The ${form} data is damaged or cut off: ${reason}.`);
}
