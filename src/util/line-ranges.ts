import type { SourceRange } from './errors.ts';
import { lastLine } from './excerpt.ts';

/** A place as BuildKit tells it: one range for each line, without columns. */
export function lineRanges(range: SourceRange): { start: { line: number }; end: { line: number } }[] {
  const first = range.start.line;
  return Array.from({ length: lastLine(range) - first + 1 }, (_, i) => ({
    start: { line: first + i },
    end: { line: first + i },
  }));
}
