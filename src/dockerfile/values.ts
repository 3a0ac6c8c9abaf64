/** Values in the forms that flags take them. Each gives nothing for a text that is none. */

/** No size is written longer than this. */
const longest = 64;

/** An unsigned number below 2^32 in base 8 or 10. */
export function parseUnsigned(text: string, base: 8 | 10): number | undefined {
  if (!(base === 8 ? /^[0-7]+$/ : /^[0-9]+$/).test(text)) return undefined;
  const value = Number.parseInt(text, base);
  return value < 2 ** 32 ? value : undefined;
}

const sizeUnits = ' kmgtp';

/** A number of bytes: `64m`, `1.5 GiB`, `1000`; units are powers of 1024, their case and final `b` count for nothing. */
export function parseSize(text: string): number | undefined {
  if (text.length > longest) return undefined;
  const match = /^(\d+\.?\d*|\.\d+) ?(?:([kmgtp])(?:i?b)?|b)?$/i.exec(text);
  if (!match) return undefined;
  const size = Math.trunc(Number(match[1]) * 1024 ** sizeUnits.indexOf(match[2]?.toLowerCase() ?? ' '));
  return size <= Number.MAX_SAFE_INTEGER ? size : undefined;
}
