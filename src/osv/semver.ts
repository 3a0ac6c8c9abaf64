import { compareNumbers, compareTexts } from './order.ts';

/**
 * Semantic Versioning 2.0.0, section 11, for what npm, Cargo and Go call versions: a `v` before it, and missing numbers,
 * are no matter. Go's own releases (`1.21rc2`) are understood too.
 */
export function compareSemver(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)];
  return compareNumbers(left.numbers, right.numbers) || comparePrereleases(left.prerelease, right.prerelease);
}

function parse(text: string): { numbers: string[]; prerelease: string[] } {
  const [version = ''] = text.replace(/^[v=\s]+/, '').split('+', 1);
  const [, numbers = '0', word, rest] = /^([\d.]*\d)(?:-(.*)|([a-z].*))?$/s.exec(version) ?? [];
  const prerelease = word ?? rest?.replace(/^([a-z]+)(\d)/, '$1.$2');
  return { numbers: numbers.split('.'), prerelease: prerelease ? prerelease.split('.') : [] };
}

function comparePrereleases(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return Math.sign(b.length - a.length);
  for (const [i, left] of a.entries()) {
    const right = b[i];
    if (right === undefined) return 1;
    const [isNumber, isOther] = [/^\d+$/.test(left), /^\d+$/.test(right)];
    if (isNumber !== isOther) return isNumber ? -1 : 1;
    const order = isNumber ? compareNumbers([left], [right]) : compareTexts(left, right);
    if (order !== 0) return order;
  }
  return a.length < b.length ? -1 : 0;
}
