import { StagecraftError } from './errors.ts';

/**
 * The fields of one line of comma-separated values (RFC 4180), as options such as `type=local,"dest=a,b"` are written:
 * a field in double quotes may contain commas, and quotes doubled.
 * @throws StagecraftError `usage`
 */
export function parseCsv(line: string): string[] {
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    if (line[at] === '"') {
      const quoted = /^"((?:[^"]|"")*)"(?=,|$)/.exec(line.slice(at));
      if (quoted === null) throw malformed(line);
      fields.push(quoted[1]!.replaceAll('""', '"'));
      at += quoted[0].length;
    } else {
      const comma = line.indexOf(',', at);
      const field = line.slice(at, comma < 0 ? line.length : comma);
      if (field.includes('"')) throw malformed(line);
      fields.push(field);
      at += field.length;
    }
    if (at >= line.length) return fields;
    at += 1;
  }
}

function malformed(line: string): StagecraftError {
  return new StagecraftError('usage', `A quote is out of place in ${JSON.stringify(line)}.`, {
    hint: 'Put double quotes around a whole field, and double those within it.',
  });
}
