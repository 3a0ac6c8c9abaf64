import { compareNumbers, compareTexts } from './order.ts';

/** RPM's order of versions: rpm-version(7): epoch, version and release, each in turns of digits and letters. */
export function compareRpm(a: string, b: string): number {
  const [left, right] = [split(a), split(b)];
  return (
    compareNumbers([left.epoch], [right.epoch]) ||
    compareParts(left.version, right.version) ||
    // Advisories may speak of a version whatever its release.
    (left.release === undefined || right.release === undefined
      ? 0
      : compareParts(left.release, right.release))
  );
}

function split(text: string): { epoch: string; version: string; release: string | undefined } {
  const [, epoch = '0', version = '', release] = /^(?:(\d+):)?([^-]*)(?:-(.*))?$/s.exec(text) ?? [];
  return { epoch, version, release };
}

function compareParts(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const order = rank(left[i]) - rank(right[i]);
    if (order !== 0) return order;
    const [one, other] = [left[i]!, right[i]!];
    const compared = /^\d/.test(one) ? compareNumbers([one], [other]) : compareTexts(one, other);
    if (compared !== 0) return compared;
  }
  return 0;
}

function partsOf(text: string): readonly string[] {
  return text.match(/\d+|[A-Za-z]+|[~^]/g) ?? [];
}

/** `~` is before the end, `^` right behind it; letters come before digits. */
function rank(part: string | undefined): number {
  if (part === undefined) return 1;
  if (part === '~') return 0;
  if (part === '^') return 2;
  return /^\d/.test(part) ? 4 : 3;
}
