import { compareNumbers, compareTexts } from './order.ts';

/** PEP 440, appendix B, without what no index has. */
const pattern =
  /^\s*v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\d*))?(?:-(\d+)|[-_.]?(post|rev|r)[-_.]?(\d*))?(?:[-_.]?(dev)[-_.]?(\d*))?(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?\s*$/i;

interface Version {
  readonly epoch: string;
  readonly release: readonly string[];
  /** What orders versions of one release: before (-1), in (0) and after it. */
  readonly phase: readonly [number, string, string];
  readonly post: string;
  readonly dev: string | undefined;
  readonly local: readonly string[];
}

/** Python's order of versions: PEP 440, "Summary of permitted suffixes and relative ordering". */
export function comparePep440(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)];
  // What is no version sorts before all that are.
  if (left === undefined || right === undefined)
    return left === right ? compareTexts(a, b) : left === undefined ? -1 : 1;
  return (
    compareNumbers([left.epoch], [right.epoch]) ||
    compareNumbers(left.release, right.release) ||
    left.phase[0] - right.phase[0] ||
    compareTexts(left.phase[1], right.phase[1]) ||
    compareNumbers([left.phase[2]], [right.phase[2]]) ||
    compareNumbers([left.post], [right.post]) ||
    compareDevelopment(left.dev, right.dev) ||
    compareLocal(left.local, right.local)
  );
}

function parse(text: string): Version | undefined {
  const match = pattern.exec(text.toLowerCase());
  if (match === null) return undefined;
  const [, epoch = '0', release, pre, preNumber, implicit, post, postNumber, dev, devNumber, local] = match;
  const hasPost = implicit !== undefined || post !== undefined;
  const letter = pre?.startsWith('a') ? 'a' : pre?.startsWith('b') ? 'b' : 'rc';
  const before: Version['phase'] = dev !== undefined && !hasPost ? [-2, '', ''] : [0, '', ''];
  return {
    epoch,
    release: release!.split('.'),
    phase: pre === undefined ? before : [-1, letter, preNumber || '0'],
    // 0 is no post-release, and `.post0` is after that.
    post: hasPost ? String(BigInt(implicit ?? (postNumber || '0')) + 1n) : '0',
    dev: dev === undefined ? undefined : devNumber || '0',
    local: local === undefined ? [] : local.split(/[-_.]/),
  };
}

function compareDevelopment(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1;
  return compareNumbers([a], [b]);
}

function compareLocal(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [left, right] = [a[i], b[i]];
    if (left === undefined || right === undefined) return left === undefined ? -1 : 1;
    const [isNumber, isOther] = [/^\d+$/.test(left), /^\d+$/.test(right)];
    if (isNumber !== isOther) return isNumber ? 1 : -1;
    const order = isNumber ? compareNumbers([left], [right]) : compareTexts(left, right);
    if (order !== 0) return order;
  }
  return 0;
}
