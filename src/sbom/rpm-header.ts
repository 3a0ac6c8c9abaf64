/** The fields of an RPM package that are asked for, with their tags: rpm's rpmtag.h. */
const tags = {
  name: 1000,
  version: 1001,
  release: 1002,
  epoch: 1003,
  license: 1014,
  arch: 1022,
  sourceRpm: 1044,
  directoryIndexes: 1116,
  baseNames: 1117,
  directoryNames: 1118,
} as const;

export interface RpmHeader {
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly epoch: number | undefined;
  readonly license: string;
  readonly arch: string;
  /** The name of the source package's file. */
  readonly sourceRpm: string;
  /** One of its files. */
  readonly file: string | undefined;
}

/** Value types of header fields. */
const kind = { int32: 4, string: 6, stringArray: 8, internationalString: 9 };
const mostFields = 10_000;

/**
 * Reads a header as the database keeps it: two counts, an index of 16 bytes a field, and the values. Nothing if it is
 * damaged.
 */
export function readRpmHeader(bytes: Buffer): RpmHeader | undefined {
  if (bytes.length < 8) return undefined;
  const [count, length] = [bytes.readUInt32BE(0), bytes.readUInt32BE(4)];
  const start = 8 + 16 * count;
  if (count > mostFields || start + length > bytes.length) return undefined;
  const values = bytes.subarray(start, start + length);
  const fields = new Map<number, { type: number; offset: number; count: number }>();
  for (let at = 8; at < start; at += 16) {
    const [tag, type, offset, number] = [0, 4, 8, 12].map(part => bytes.readUInt32BE(at + part)) as [
      number,
      number,
      number,
      number,
    ];
    fields.set(tag, { type, offset, count: number });
  }
  const text = (tag: number): string => {
    const field = fields.get(tag);
    const isText =
      field !== undefined && [kind.string, kind.stringArray, kind.internationalString].includes(field.type);
    if (!isText || field.offset >= values.length) return '';
    const end = values.indexOf(0, field.offset);
    return end < 0 ? '' : values.toString('utf8', field.offset, end);
  };
  const number = (tag: number): number | undefined => {
    const field = fields.get(tag);
    const isNumber = field?.type === kind.int32 && field.offset + 4 <= values.length;
    return isNumber ? values.readUInt32BE(field.offset) : undefined;
  };
  const header = {
    name: text(tags.name),
    version: text(tags.version),
    release: text(tags.release),
    epoch: number(tags.epoch),
    license: text(tags.license),
    arch: text(tags.arch),
    sourceRpm: text(tags.sourceRpm),
    file: number(tags.directoryIndexes) === 0 ? text(tags.directoryNames) + text(tags.baseNames) : undefined,
  };
  return header.name === '' || header.version === '' ? undefined : header;
}
