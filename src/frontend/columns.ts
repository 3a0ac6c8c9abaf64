import { printable } from '../util/printable.ts';

/** Rows in columns, as Go's tabwriter sets them: all but the last column as wide as its widest cell and some space. */
export function table(cells: readonly (readonly string[])[], space = 3): string {
  const rows = cells.map(row => row.map(printable));
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map(row => [...(row[column] ?? '')].length)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column === row.length - 1 ? cell : cell + ' '.repeat(widths[column]! + space - [...cell].length),
      )
      .join('');
  return rows.map(row => `${line(row)}\n`).join('');
}
