import { readFileSync } from 'node:fs';
import { isErrno, type SourceRange, StagecraftError } from '../util/errors.ts';
import { formatExcerpt, textOf } from '../util/excerpt.ts';
import { printableLines } from '../util/printable.ts';

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
    if (known.range) text += excerptOf(known.range, textOf(known));
    // Both may quote what a server or a Dockerfile says.
    text += `${label} ${printableLines(known.message)}\n`;
    if (known.hint) text += `${printableLines(known.hint)}\n`;
  } else {
    const message = error instanceof Error ? error.message : String(error);
    text += `${label} Something went wrong that Stagecraft did not foresee, sorry: ${printableLines(message)}\n`;
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

/** The lines concerned, of the text that was read or of the file where it can still be read; else only the place. */
function excerptOf(range: SourceRange, text?: string): string {
  try {
    return formatExcerpt(text ?? readFileSync(range.file, 'utf8'), range) || placeOf(range);
  } catch {
    return placeOf(range);
  }
}

function placeOf(range: SourceRange): string {
  return `${printableLines(range.file)}:${range.start.line}\n`;
}

function stackOf(error: unknown): string {
  let text = '';
  for (let cause = error, depth = 0; cause !== undefined && depth < 5; depth++) {
    text += `${depth === 0 ? '' : 'caused by: '}${cause instanceof Error ? cause.stack : String(cause)}\n`;
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return text;
}
