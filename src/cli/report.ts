import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isErrno, type SourceRange, StagecraftError } from '../util/errors.ts';
import { formatExcerpt } from '../util/excerpt.ts';

export interface ReportOptions {
  readonly color: boolean;
  /** Print where in the program an unexpected error arose. */
  readonly debug: boolean;
}

/** The message for a person about why a command failed: an excerpt of the Dockerfile, one sentence, and what to do. */
export function describeError(error: unknown, { color, debug }: ReportOptions): string {
  const label = color ? '\u001b[1;31mERROR:\u001b[0m' : 'ERROR:';
  const known = error instanceof StagecraftError ? error : fromSystem(error);
  let text = '';
  if (known) {
    if (known.range) text += excerpts.get(known) ?? excerptOf(known.range);
    text += `${label} ${known.message}\n`;
    if (known.hint) text += `${known.hint}\n`;
  } else {
    const message = error instanceof Error ? error.message : String(error);
    text += `${label} Something went wrong that Stagecraft did not foresee, sorry: ${message}\n`;
    if (!debug) text += 'Set STAGECRAFT_DEBUG=1 to see where, and please report it.\n';
  }
  return debug ? text + stackOf(error) : text;
}

/** Failures of the system that anyone can meet anywhere: the message of the system call says enough. */
function fromSystem(error: unknown): StagecraftError | undefined {
  if (!(error instanceof Error)) return undefined;
  if (isErrno(error, 'ENOSPC', 'EDQUOT') || resultOfSqlite(error) === sqliteFull)
    return new StagecraftError('io', `There is no space left on the disk (${error.message}).`, {
      hint: 'Free some: `stagecraft prune` removes what no image needs. Nothing half-made was kept.',
    });
  if (isErrno(error, 'EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENOTDIR', 'EISDIR', 'EMFILE', 'EIO', 'EBUSY'))
    return new StagecraftError('io', `The system refused: ${error.message}.`);
  return undefined;
}

/** SQLITE_FULL: sqlite.org/rescode.html. */
const sqliteFull = 13;

/** The primary result code of SQLite in an error of the store's database. */
function resultOfSqlite(error: Error): number | undefined {
  return 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

/** The lines concerned, where the file can still be read. */
function excerptOf(range: SourceRange, path = range.file): string {
  try {
    return formatExcerpt(readFileSync(path, 'utf8'), range);
  } catch {
    return placeOf(range);
  }
}

function placeOf(range: SourceRange): string {
  return `${range.file}:${range.start.line}\n`;
}

const excerpts = new WeakMap<Error, string>();

/**
 * Remembers the lines that an error of a build points at. Its range names the Dockerfile for people, which need not be
 * a path from here.
 */
export function locateError(error: unknown, dockerfile: string | undefined, context: string): unknown {
  if (!(error instanceof StagecraftError) || !error.range) return error;
  const name = dockerfile ?? 'Dockerfile';
  const path = [dockerfile, join(context, name)].find(
    candidate => candidate !== undefined && existsSync(candidate),
  );
  // What came on standard input is gone: nothing is shown of it.
  excerpts.set(error, dockerfile === '-' ? placeOf(error.range) : excerptOf(error.range, path));
  return error;
}

function stackOf(error: unknown): string {
  let text = '';
  for (let cause = error, depth = 0; cause !== undefined && depth < 5; depth++) {
    text += `${depth === 0 ? '' : 'caused by: '}${cause instanceof Error ? cause.stack : String(cause)}\n`;
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return text;
}
