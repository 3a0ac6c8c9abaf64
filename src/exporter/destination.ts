import { once } from 'node:events';
import { lstatSync, renameSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { makeDirectories } from '../util/directories.ts';
import { draftPath } from '../util/drafts.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';
import { requireNoTerminal } from './check.ts';

/**
 * Writes a stream to a file, whole or not at all, or to standard output for `-`. A device or pipe is written to as it is.
 * @throws StagecraftError `usage` for a terminal or a directory; `io` when it cannot be written
 */
export async function writeDestination(dest: string, source: AsyncIterable<Uint8Array>): Promise<void> {
  if (dest === '-') return writeStdout(source);
  const path = resolve(dest);
  const existing = statSync(path, { throwIfNoEntry: false });
  if (existing?.isDirectory())
    throw new StagecraftError(
      'usage',
      `The destination ${dest} is a directory, where a file is to be written.`,
    );
  try {
    if (existing && !existing.isFile()) return await pour(path, 'w', source);
    makeDirectories(dirname(path));
    // In the same directory, for the rename to be on one file system.
    const temporary = draftPath(path);
    try {
      await pour(temporary, 'wx', source);
      renameSync(temporary, path);
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) rmSync(temporary, { force: true });
      throw error;
    }
  } catch (error) {
    throw cannotWrite(dest, error);
  }
}

/** Writes a small text file, whole or not at all. @throws StagecraftError as {@link writeDestination} */
export async function writeText(dest: string, text: string): Promise<void> {
  async function* once(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(text);
  }
  await writeDestination(dest, once());
}

/** Removes what {@link writeText} wrote there; a device or pipe stays. @throws StagecraftError `io` */
export function removeText(dest: string): void {
  try {
    if (lstatSync(dest, { throwIfNoEntry: false })?.isFile()) rmSync(dest);
  } catch (error) {
    throw cannotWrite(dest, error);
  }
}

async function pour(path: string, flags: string, source: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, flags, 0o666);
  try {
    for await (const chunk of source)
      for (let written = 0; written < chunk.length; )
        written += (await file.write(chunk, written, chunk.length - written)).bytesWritten;
  } finally {
    await file.close();
  }
}

async function writeStdout(source: AsyncIterable<Uint8Array>): Promise<void> {
  const { stdout } = process;
  requireNoTerminal();
  const failed = new Promise<never>((_, reject) => {
    stdout.once('error', error => reject(cannotWrite('standard output', error)));
  });
  failed.catch(() => undefined);
  const pump = async (): Promise<void> => {
    for await (const chunk of source)
      if (!stdout.write(chunk)) await Promise.race([once(stdout, 'drain'), failed]);
    await new Promise<void>(done => stdout.write('', () => done()));
  };
  await Promise.race([pump(), failed]);
}

/** The error of the system as one that names the destination; others as they are. */
export function cannotWrite(dest: string, error: unknown): unknown {
  if (error instanceof StagecraftError || !(error instanceof Error) || !('code' in error)) return error;
  const hint = isErrno(error, 'ENOSPC', 'EDQUOT')
    ? 'Free some space there, or choose another place.'
    : undefined;
  return new StagecraftError('io', `Cannot write ${dest}: ${error.message}.`, { cause: error, hint });
}
