import type { SourceRange } from '../../util/errors.ts';
import { formatExcerpt } from '../../util/excerpt.ts';
import { lineRanges } from '../../util/line-ranges.ts';
import { printable } from '../../util/printable.ts';
import type { CheckReport } from '../report.ts';

/** BuildKit's result of `--call=check,format=json` (frontend/subrequests/lint), for any number of files. */
export interface LintResults {
  warnings: LintWarning[];
  sources: { filename: string; data: string; language: 'Dockerfile' }[];
  buildError?: { message: string; location: Location };
}

interface LintWarning {
  ruleName: string;
  description: string;
  url?: string;
  detail: string;
  location: Location;
  /** Ours: `advice` is what builds keep to themselves. */
  level: 'warning' | 'advice';
  /** Ours: what `--fix` would do. */
  fix?: string;
}

interface Location {
  /** The position in `sources`; 0 is left out, as protobuf does. */
  sourceIndex?: number;
  /** One for each line. */
  ranges?: { start: { line: number }; end: { line: number } }[];
}

export function lintResults(reports: readonly CheckReport[]): LintResults {
  const warnings = reports.flatMap(({ findings }, index) =>
    findings.map(
      ({ rule, description, url, message, range, level, fix }): LintWarning => ({
        ruleName: rule,
        description,
        ...(url !== undefined && { url }),
        detail: message,
        location: locationOf(range, index),
        level,
        ...(fix && { fix: fix.title }),
      }),
    ),
  );
  const failed = reports.findIndex(({ error }) => error !== undefined);
  const error = reports[failed]?.error;
  return {
    warnings,
    sources: reports.map(({ name, data }) => ({
      filename: name,
      data: Buffer.from(data).toString('base64'),
      language: 'Dockerfile',
    })),
    ...(error && { buildError: { message: error.message, location: locationOf(error.range, failed) } }),
  };
}

function locationOf(range: SourceRange | undefined, index: number): Location {
  return { ...(index > 0 && { sourceIndex: index }), ...(range && { ranges: lineRanges(range) }) };
}

/** What buildx prints of a check: every warning with its lines. */
export function lintText({ findings, data, error }: CheckReport): string {
  const text = Buffer.from(data)
    .toString()
    .replace(/^\ufeff/, '');
  const count = findings.length;
  if (count === 0) return error === undefined ? 'Check complete, no warnings found.\n' : '';
  const heading = `Check complete, ${count === 1 ? '1 warning has' : `${count} warnings have`} been found!\n`;
  const blocks = findings.map(({ rule, url, message, range, level }) => {
    const kind = level === 'warning' ? 'WARNING' : 'ADVICE';
    return `\n${kind}: ${rule}${url === undefined ? '' : ` - ${url}`}\n${printable(message)}\n${formatExcerpt(text, range)}`;
  });
  return heading + blocks.join('');
}
