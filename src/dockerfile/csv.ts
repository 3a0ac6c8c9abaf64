import { fail } from './fail.ts';

/**
 * The fields of one line of comma-separated values, as `--mount` has them (RFC 4180): a field that begins with a
 * double quote may hold commas, and doubled quotes for one.
 *
 * @throws StagecraftError `dockerfile`, without a range: empty, or a quote is out of place
 */
export function parseFields(text: string): string[] {
  const line = text.replace(/\r?\n$/, '');
  if (line === '') fail('It is empty.');
  const fields: string[] = [];
  for (let at = 0; at <= line.length; ) {
    const quoted = line[at] === '"';
    const end = quoted ? closingQuote(line, at + 1) : line.indexOf(',', at);
    const field = line.slice(quoted ? at + 1 : at, end < 0 ? line.length : end);
    if (!quoted && field.includes('"'))
      fail('A double quote stands inside a field that has none at its start.');
    fields.push(quoted ? field.replaceAll('""', '"') : field);
    if (end < 0) break;
    at = quoted ? end + 2 : end + 1;
    if (quoted && end + 1 === line.length) break;
    if (quoted && line[end + 1] !== ',') fail('Something other than a comma follows a quoted field.');
  }
  return fields;
}

function closingQuote(line: string, from: number): number {
  let at = line.indexOf('"', from);
  while (at >= 0 && line[at + 1] === '"') at = line.indexOf('"', at + 2);
  if (at < 0) fail('A double quote is not closed.');
  return at;
}
