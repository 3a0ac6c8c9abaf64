import type { BuildResult } from '../api/request.ts';
import { printable } from '../progress/tail.ts';

/** What the frontend found questionable in a Dockerfile, in the manner of buildx; empty when there is nothing. */
export function describeWarnings(warnings: BuildResult['warnings']): string {
  if (warnings.length === 0) return '';
  const lines = warnings.map(
    ({ rule, message, range }) => ` - ${rule}: ${printable(message)} (line ${range.start.line})`,
  );
  return `\n ${warnings.length} warning${warnings.length === 1 ? '' : 's'} found:\n${lines.join('\n')}\n`;
}
