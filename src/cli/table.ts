import { StagecraftError } from '../util/errors.ts';
import { fillTemplate } from './template.ts';

/** A field of the rows, with its heading. */
export interface Column {
  readonly field: string;
  readonly heading: string;
  /** Not in the table, but in JSON and for templates. */
  readonly hidden?: boolean;
}

/** One thing listed. Fields are text, as in Docker's JSON lines. */
export type Row = Readonly<Record<string, string>>;

const padding = 3;
const narrowest = 10;

/**
 * Lines of columns, each as wide as its widest cell, in Docker's layout; no spaces at the ends of lines. Images of others
 * may have anything in their texts: nothing in a cell moves the cursor or changes colours.
 */
export function layOutTable(texts: readonly (readonly string[])[]): string {
  const lines = texts.map(line => line.map(cell => cell.replace(/\p{Cc}/gu, '\ufffd')));
  const widths: number[] = [];
  for (const line of lines) {
    line.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? narrowest, cell.length + padding);
    });
  }
  return lines
    .map(
      line =>
        `${line
          .map((cell, i) => cell.padEnd(widths[i]!))
          .join('')
          .trimEnd()}\n`,
    )
    .join('');
}

/**
 * Rows in the format of a `--format` flag: a table unless given, `json` for one object a line, a template for each
 * row, or `table` and a template whose fields are the columns.
 * @throws StagecraftError `usage` for a template that cannot be understood
 */
export function formatRows(rows: readonly Row[], columns: readonly Column[], format = 'table'): string {
  if (format === 'json') return rows.map(row => `${JSON.stringify(row)}\n`).join('');
  if (format === 'table') {
    const shown = columns.filter(column => !column.hidden);
    return layOutTable([
      shown.map(column => column.heading),
      ...rows.map(row => shown.map(column => row[column.field] ?? '')),
    ]);
  }
  const template = format
    .replace(/^table\s+/, '')
    .replaceAll('\\t', '\t')
    .replaceAll('\\n', '\n');
  checkFields(template, columns);
  const lines = rows.map(row => fillTemplate(template, row));
  if (!format.startsWith('table')) return lines.map(line => `${line}\n`).join('');
  const headings = Object.fromEntries(columns.map(column => [column.field, column.heading]));
  return layOutTable([fillTemplate(template, headings), ...lines].map(line => line.split('\t')));
}

function checkFields(template: string, columns: readonly Column[]): void {
  const known = columns.map(column => column.field);
  for (const [, field] of template.matchAll(/\{\{[^}]*?\.(\w+)/g)) {
    if (!known.includes(field!))
      throw new StagecraftError('usage', `The format names the field ${field}, which does not exist.`, {
        hint: `There are: ${known.join(', ')}.`,
      });
  }
}

/** Columns that only JSON and templates have. */
export function hidden(...fields: string[]): Column[] {
  return fields.map(field => ({
    field,
    heading: field.replace(/(?<=[a-z])(?=[A-Z])/g, ' ').toUpperCase(),
    hidden: true,
  }));
}
