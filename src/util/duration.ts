/** No duration is written longer than this. */
const longest = 64;

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
