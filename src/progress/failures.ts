import { printable } from '../util/printable.ts';
import { hasFailed, type Step } from './trace.ts';
import { formatStamp } from './units.ts';

/** True for the error of a build that the user stopped. */
export function isCancellation(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'cancelled';
}

/** The last output lines of each step that failed, between rules, in BuildKit's manner. Empty when none failed. */
export function describeFailures(steps: readonly Step[], tellDropped = false): string {
  let out = '';
  for (const step of steps.filter(hasFailed)) {
    out += `------\n > ${printable(step.name)}:\n`;
    const { lines, dropped } = step.tail;
    if (tellDropped && dropped > 0) out += `(${dropped} earlier lines; --progress=plain shows all)\n`;
    for (const { text, seconds } of lines) out += `${formatStamp(seconds)} ${text}\n`;
    out += '------\n';
  }
  return out;
}
