import { type SourceRange, StagecraftError } from '../util/errors.ts';
import { suggest } from '../util/suggest.ts';

/** Ends the parse: the Dockerfile is wrong here. */
export function fail(message: string, range?: SourceRange, hint?: string): never {
  throw new StagecraftError('dockerfile', message, { range, hint });
}

/** A text of the user's in a message: quoted, control characters escaped, and cut if it is long. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}

/** A hint for a misspelt word. */
export function didYouMean(word: string, options: Iterable<string>): string | undefined {
  const match = suggest(word, options);
  return match === undefined ? undefined : `Did you mean ${match}?`;
}

/** Runs a step of the parse; its error points at `range` unless it points somewhere already. */
export function located<T>(range: SourceRange, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof StagecraftError) || error.range) throw error;
    throw new StagecraftError(error.code, error.message, { range, hint: error.hint, cause: error.cause });
  }
}
