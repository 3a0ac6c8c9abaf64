/** Values in the forms that flags take them. Each gives nothing for a text that is none. */

/** No size or duration is written longer than this. */
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

const durationUnits: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** A duration such as `1m30s`, `1.5h`, `-20ms` or `0`, in nanoseconds, as Go's time package reads it. */
export function parseDuration(text: string): number | undefined {
  if (text.length > longest) return undefined;
  const [, sign, amounts] = /^([-+]?)(0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.exec(text) ?? [];
  if (amounts === undefined) return undefined;
  let sum = 0;
  for (const [, whole = '', fraction = '', unit = ''] of amounts.matchAll(/(\d*)(\.\d*)?([a-zµμ]+)/g)) {
    const size = durationUnits[unit]!;
    sum += Number(whole) * size + Math.trunc(Number(`0${fraction}`) * size);
  }
  if (sum > Number.MAX_SAFE_INTEGER) return undefined;
  return sign === '-' ? -sum : sum;
}
