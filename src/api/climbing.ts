import type { Definition } from '../llb/index.ts';
import { StagecraftError } from '../util/errors.ts';

/**
 * Tells who wrote `COPY ../file` why that file is not found: `..` stops at the root of the context, as in Docker, so
 * the error alone names a path that nobody wrote.
 */
export function explainClimbing(error: unknown, { sources }: Definition): unknown {
  if (!(error instanceof StagecraftError) || error.code !== 'not-found' || error.hint !== undefined)
    return error;
  const { range, message, cause } = error;
  const lines =
    range &&
    sources
      .get(range.file)
      ?.split('\n')
      .slice(range.start.line - 1, range.end.line);
  if (!lines?.some(line => /(^|[\s"'=/])\.\.(\/|\s|$)/.test(line))) return error;
  return new StagecraftError('not-found', message, {
    hint: 'A path cannot climb out of the build context: ".." stops at its root. Build from a directory above, or add one with --build-context.',
    range,
    cause,
  });
}
