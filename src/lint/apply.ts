import { StagecraftError } from '../util/errors.ts';
import type { Edit, Finding, Fix } from './types.ts';

const byteOrderMark = '\ufeff';

/**
 * Applies the fixes of findings, as many as do not get into each other's way: one that does is for the next time.
 * @param data the file; its line ends and byte order mark stay
 * @returns the file and what was done to it
 * @throws StagecraftError `unsupported` for a file that is not UTF-8
 */
export function applyFixes(
  data: Uint8Array,
  findings: readonly Finding[],
): { data: Uint8Array; applied: Finding[] } {
  const whole = decode(data);
  const mark = whole.startsWith(byteOrderMark) ? byteOrderMark : '';
  const text = whole.slice(mark.length);
  const starts = lineStarts(text);
  const taken: Span[] = [];
  const applied = findings.filter(({ fix }) => fix !== undefined && take(fix, starts, taken));
  let fixed = text;
  for (const { start, end, text: inserted } of taken.toSorted((a, b) => b.start - a.start))
    fixed = fixed.slice(0, start) + inserted + fixed.slice(end);
  return { data: Buffer.from(mark + fixed), applied };
}

interface Span {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Adds the edits of a fix to those to be made, all or none. */
function take(fix: Fix, starts: readonly number[], taken: Span[]): boolean {
  const spans = fix.edits.map(edit => spanOf(edit, starts));
  // The same edit may belong to two fixes.
  const fresh = spans.filter(span => !taken.some(other => isSame(span, other)));
  if (fresh.some(span => taken.some(other => overlap(span, other)))) return false;
  taken.push(...fresh);
  return true;
}

function spanOf({ range: { start, end }, text }: Edit, starts: readonly number[]): Span {
  const offset = ({ line, column }: typeof start): number =>
    line > starts.length - 1 ? starts.at(-1)! : Math.min(starts[line - 1]! + column - 1, starts[line]!);
  return { start: offset(start), end: offset(end), text };
}

function isSame(one: Span, other: Span): boolean {
  return one.start === other.start && one.end === other.end && one.text === other.text;
}

function overlap(one: Span, other: Span): boolean {
  return one.start <= other.end && other.start <= one.end;
}

/** Where each line starts, and last the end of the text. */
function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  if (starts.at(-1) !== text.length) starts.push(text.length);
  return starts;
}

function decode(data: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data);
  } catch (error) {
    throw new StagecraftError('unsupported', 'A file that is not UTF-8 cannot be fixed.', {
      hint: 'Convert it first.',
      cause: error,
    });
  }
}
