import { compareNumbers, compareTexts } from './order.ts';

const pattern = /^(\d+(?:\.\d+)*)([a-z]?)((?:_[a-z]+\d*)*)(?:~[0-9a-f]+)?(?:-r(\d+))?$/;
const suffixes = ['alpha', 'beta', 'pre', 'rc', '', 'cvs', 'svn', 'git', 'hg', 'p'];

/** Alpine's order of versions: apk-package(5), "Package version". What is none sorts before all that are. */
export function compareApk(a: string, b: string): number {
  const [left, right] = [pattern.exec(a), pattern.exec(b)];
  if (left === null || right === null) return left === right ? compareTexts(a, b) : left === null ? -1 : 1;
  return (
    compareParts(left[1]!.split('.'), right[1]!.split('.')) ||
    compareTexts(left[2]!, right[2]!) ||
    compareSuffixes(left[3]!, right[3]!) ||
    compareNumbers([left[4] ?? '0'], [right[4] ?? '0'])
  );
}

/** Behind the first one, numbers with a leading zero are compared as fractions. */
function compareParts(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [left, right] = [a[i], b[i]];
    if (left === undefined || right === undefined) return left === undefined ? -1 : 1;
    const isFraction = i > 0 && (left.startsWith('0') || right.startsWith('0'));
    const order = isFraction ? compareTexts(left, right) : compareNumbers([left], [right]);
    if (order !== 0) return order;
  }
  return 0;
}

function compareSuffixes(a: string, b: string): number {
  const [left, right] = [a.split('_').slice(1), b.split('_').slice(1)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const [, word = '', number = ''] = /^([a-z]*)(\d*)$/.exec(left[i] ?? '') ?? [];
    const [, otherWord = '', otherNumber = ''] = /^([a-z]*)(\d*)$/.exec(right[i] ?? '') ?? [];
    const order = suffixes.indexOf(word) - suffixes.indexOf(otherWord);
    if (order !== 0) return order;
    const numbers = compareNumbers([number || '0'], [otherNumber || '0']);
    if (numbers !== 0) return numbers;
  }
  return 0;
}
