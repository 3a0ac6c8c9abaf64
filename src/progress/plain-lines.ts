import { hasFailed, isCancelled, isStarted, type Measure, type Step, secondsAtWork } from './trace.ts';
import type { Vertex } from './types.ts';
import { formatAmount, formatSeconds } from './units.ts';

/** What the printer remembers of one step. Output is kept as byte strings: it need not be UTF-8. */
export interface Printed {
  /** The step's `#number`; 0 until it is first printed. */
  number: number;
  /** Lines not printed yet; the last may be unfinished. */
  lines: string[];
  pendingBytes: number;
  /** True when the last line that came has no line break yet. */
  partial: boolean;
  /** How many bytes of the unfinished line are on the page already. */
  offset: number;
  changedMeasures: Set<Measure>;
  warnings: number;
  /** Events since the step last got the floor or lost it, and when the first of them came. */
  events: number;
  since: number;
  lastVertex: Vertex | undefined;
}

/** Adds output to the lines to print. A line that begins gets the time stamp. */
export function appendOutput(printed: Printed, data: string, stamp: string): void {
  printed.pendingBytes += data.length;
  const pieces = data.split('\n');
  const endsLine = pieces.at(-1) === '';
  if (endsLine) pieces.pop();
  pieces.forEach((piece, i) => {
    if (i === 0 && printed.partial && printed.lines.length > 0) {
      printed.lines[printed.lines.length - 1] += piece;
    } else {
      printed.lines.push(`${stamp} ${piece}`);
    }
  });
  printed.partial = !endsLine;
}

/** What a measure has done so far, as BuildKit says it. */
export function describeMeasure(measure: Measure): string {
  const amount = formatAmount(measure.current, measure.total);
  let text = amount ? `${measure.id} ${amount}` : measure.id;
  if (measure.started !== undefined) {
    const seconds = ((measure.completed ?? measure.timestamp) - measure.started) / 1000;
    if (seconds > 0.01) text += ` ${formatSeconds(seconds)}`;
  }
  return measure.completed === undefined ? text : `${text} done`;
}

/** How a completed step ended. */
export function outcome(step: Step): string {
  if (isCancelled(step)) return 'CANCELED';
  if (hasFailed(step)) return `ERROR: ${step.error}`;
  if (step.cached) return 'CACHED';
  return isStarted(step) ? `DONE ${formatSeconds(secondsAtWork([step], 0))}` : 'DONE';
}
