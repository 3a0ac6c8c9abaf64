import { located } from './fail.ts';
import { cleanPath, PatternMatcher } from './pattern-matcher.ts';
import { trimSpace } from './spaces.ts';

/**
 * The patterns of an ignore file such as `.dockerignore`, in order, ready for a PatternMatcher. Lines that start with
 * `#` are comments; a slash at the start of a pattern means nothing: all are relative to the root of the context.
 *
 * @param name for messages
 * @throws StagecraftError `dockerfile`, with the range of a pattern that is not complete
 */
export function parseIgnoreFile(data: Uint8Array, name: string): string[] {
  const lines = new TextDecoder().decode(data).split('\n');
  return lines.flatMap((line, index) => {
    const trimmed = trimSpace(line);
    if (line.startsWith('#') || trimmed === '') return [];
    const negated = trimmed.startsWith('!');
    const path = trimSpace(negated ? trimmed.slice(1) : trimmed);
    const cleaned = path === '' ? '' : cleanPath(path);
    const relative = cleaned.length > 1 && cleaned.startsWith('/') ? cleaned.slice(1) : cleaned;
    const pattern = negated ? `!${relative}` : relative;
    const start = { line: index + 1, column: 1 };
    const end = { line: index + 1, column: 1 + line.length };
    located({ file: name, start, end }, () => new PatternMatcher([pattern]));
    return pattern;
  });
}
