import { furtherReading } from '../lint/pages.ts';
import type { Finding } from '../lint/types.ts';
import { formatExcerpt } from '../util/excerpt.ts';
import { printable } from '../util/printable.ts';

/**
 * What the checks of a build found, as buildx shows it with `--debug`: each with the lines that it is about. Empty when
 * there is nothing.
 * @param text the Dockerfile's
 */
export function describeWarnings(warnings: readonly Finding[], text: string): string {
  if (warnings.length === 0) return '';
  const heading = `\n ${warnings.length} warning${warnings.length === 1 ? '' : 's'} found:\n`;
  const entries = warnings.map(({ rule, message, url, range }) => {
    const reading = furtherReading(rule, url);
    const more = reading === undefined ? '' : `More info: ${reading}\n`;
    const line = ` - ${rule}: ${printable(message)} (line ${range.start.line})\n`;
    return `${line}${more}${formatExcerpt(text, range)}`;
  });
  return heading + entries.join('\n');
}
