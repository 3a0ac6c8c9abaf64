/** What a change of a text is, in the unified format of diff -u with three lines of context; empty if there is none. */
export function unifiedDiff(before: string, after: string, name: string): string {
  if (before === after) return '';
  const steps = compare(linesOf(before), linesOf(after));
  const changed = steps.flatMap(({ sign }, index) => (sign === ' ' ? [] : [index]));
  let text = `--- ${name}\n+++ ${name}\n`;
  for (let i = 0; i < changed.length; ) {
    let last = i;
    while (last + 1 < changed.length && changed[last + 1]! - changed[last]! <= 2 * context) last++;
    text += hunk(
      steps,
      Math.max(0, changed[i]! - context),
      Math.min(steps.length, changed[last]! + context + 1),
    );
    i = last + 1;
  }
  return text;
}

const context = 3;

interface Step {
  readonly sign: ' ' | '-' | '+';
  readonly line: string;
}

function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** From one list of lines to the other with as few steps as possible. */
function compare(before: readonly string[], after: readonly string[]): Step[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < Math.min(before.length, after.length) - head && before.at(-1 - tail) === after.at(-1 - tail))
    tail++;
  const kept = (lines: readonly string[]): Step[] => lines.map(line => ({ sign: ' ', line }));
  return [
    ...kept(before.slice(0, head)),
    ...compareMiddle(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...kept(before.slice(before.length - tail)),
  ];
}

function compareMiddle(before: readonly string[], after: readonly string[]): Step[] {
  // Lengths of the longest common subsequence of what follows each pair of places.
  const width = after.length + 1;
  const common = new Uint32Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--)
      common[i * width + j] =
        before[i] === after[j]
          ? common[(i + 1) * width + j + 1]! + 1
          : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);
  const steps: Step[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (before[i] !== undefined && before[i] === after[j]) {
      steps.push({ sign: ' ', line: before[i]! });
      i++;
      j++;
    } else if (
      i < before.length &&
      (j === after.length || common[(i + 1) * width + j]! >= common[i * width + j + 1]!)
    ) {
      steps.push({ sign: '-', line: before[i++]! });
    } else {
      steps.push({ sign: '+', line: after[j++]! });
    }
  }
  return steps;
}

function hunk(steps: readonly Step[], start: number, end: number): string {
  const count = (from: number, to: number, sign: string): number =>
    steps.slice(from, to).filter(step => step.sign !== sign).length;
  const place = (sign: string): string => {
    const length = count(start, end, sign);
    return `${count(0, start, sign) + (length === 0 ? 0 : 1)},${length}`;
  };
  const lines = steps
    .slice(start, end)
    .map(({ sign, line }) => sign + (line.endsWith('\n') ? line : `${line}\n\\ No newline at end of file\n`));
  return `@@ -${place('+')} +${place('-')} @@\n${lines.join('')}`;
}
