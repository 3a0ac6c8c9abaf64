import type { Measured } from './process.ts';

/** The one in the middle by time. */
export function median(measured: readonly Measured[]): Measured | undefined {
  return measured.toSorted((a, b) => a.seconds - b.seconds)[Math.floor(measured.length / 2)];
}

export function cell(measured: Measured | undefined): string {
  if (measured === undefined) return '-';
  const memory = measured.peakMB === undefined ? '' : `, ${measured.peakMB.toFixed(0)} MB`;
  return `${measured.seconds.toFixed(2)} s${memory}`;
}

/** How many times as long as Stagecraft. */
export function ratio(measured: Measured | undefined, own: number): string {
  return measured === undefined || own === 0 ? '-' : `${(measured.seconds / own).toFixed(1)}x`;
}

/** Rows as Markdown, the first one as the head. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map(each => (each[column] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((each, i) => each.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  const rule = `| ${widths.map(width => '-'.repeat(width)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [line(head), rule, ...body.map(line)].join('\n');
}
