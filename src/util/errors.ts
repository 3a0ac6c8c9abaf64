/** A half-open place in a text file; lines and columns count from 1. */
export interface SourceRange {
  readonly file: string;
  readonly start: { readonly line: number; readonly column: number };
  readonly end: { readonly line: number; readonly column: number };
}

/** What kind of failure this is; stable, for programs. A person reads the message. */
export type ErrorCode =
  | 'usage' // the command line or the request is wrong
  | 'dockerfile' // the Dockerfile is wrong
  | 'not-found' // a file, stage, image or object is missing
  | 'confined' // a path would leave its root
  | 'build' // a RUN failed
  | 'integrity' // a digest or signature did not match
  | 'unsupported' // this machine or this version cannot do it
  | 'io' // the file system or the network failed
  | 'cancelled';

export interface ErrorDetails {
  /** What the user can do about it: one sentence. */
  readonly hint?: string | undefined;
  /** Where in a Dockerfile it happened. */
  readonly range?: SourceRange | undefined;
  readonly cause?: unknown;
  /** The exit code of the process that failed, for code `build`. */
  readonly exitCode?: number | undefined;
}

/** Every failure that a user can cause or meet. The message is one sentence that names the thing concerned. */
export class StagecraftError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly range: SourceRange | undefined;
  readonly exitCode: number | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'StagecraftError';
    this.code = code;
    this.hint = details.hint;
    this.range = details.range;
    this.exitCode = details.exitCode;
  }
}

/** True when a system call failed with one of these `errno` names, such as `ENOENT`. */
export function isErrno(error: unknown, ...names: string[]): boolean {
  return error instanceof Error && 'code' in error && names.includes(String(error.code));
}

/** True for a failure of one of these kinds. */
export function isErrorCode(error: unknown, ...codes: ErrorCode[]): error is StagecraftError {
  return error instanceof StagecraftError && codes.includes(error.code);
}

/** What the progress of a step says of an error: of one that stopped the work, only that. */
export function describeStepError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isStop = error.name === 'AbortError' || ('code' in error && error.code === 'cancelled');
  return isStop ? 'cancelled' : error.message;
}
