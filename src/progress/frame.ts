import { printable } from '../util/printable.ts';
import { groupByStage, isGroupCompleted, type StepGroup } from './stages.ts';
import {
  type BuildTrace,
  hasFailed,
  isCancelled,
  isCompleted,
  isRunning,
  type Measure,
  type Step,
  secondsAtWork,
} from './trace.ts';
import { formatAmount, formatSeconds } from './units.ts';
import { fitText, textWidth } from './width.ts';

export type LineStyle = 'header' | 'running' | 'done' | 'failed' | 'cancelled' | 'warning' | 'output';

/** One line of the display; both parts together are no wider than asked for, with a space between. */
export interface FrameLine {
  readonly left: string;
  /** What stands at the right edge. */
  readonly right: string;
  readonly style: LineStyle;
}

export interface FrameOptions {
  /** Cells. */
  readonly width: number;
  /** Lines that the frame may have; all that it wants when absent. */
  readonly height?: number;
  /** Milliseconds since the epoch, by this machine's clock. */
  readonly now: number;
  /** What is done, such as `Building`. */
  readonly doing: string;
  /** What came of it: shown once it has ended. */
  readonly outcome?: 'FINISHED' | 'FAILED' | 'CANCELED';
}

/** How much of a group is shown: all; no measures of completed steps; those in one line; only what runs. */
type Detail = 0 | 1 | 2 | 3;

interface Row {
  readonly left: string;
  readonly right: string;
  readonly style: LineStyle;
  /** The running step whose output may be shown below. */
  readonly step?: Step;
}

/** Output lines shown below one running step, at most. */
const windowHeight = 6;
/** Cells that the left part of a line keeps at least. */
const narrowest = 14;

/** The state of a build as lines: a header, the steps by stage, and below running ones the last they wrote. */
export function renderFrame(trace: BuildTrace, options: FrameOptions): FrameLine[] {
  const now = options.now - trace.clockOffset;
  const groups = groupByStage(trace.started);
  const limit = options.height === undefined ? Number.POSITIVE_INFINITY : Math.max(options.height - 1, 1);
  // What running steps write is worth more than a list of what is done.
  const talking = options.outcome ? 0 : trace.started.filter(isTalking).length;
  const reserved = limit === Number.POSITIVE_INFINITY ? 0 : Math.min(talking * 3, Math.floor(limit / 2));
  const rows = fitRows(groups, limit - reserved, now);
  const windows = options.outcome ? new Map<Step, number>() : openWindows(rows, limit - rows.length);
  const lines: FrameLine[] = [];
  const add = (left: string, right: string, style: LineStyle): void => {
    lines.push(fitLine(left, right, style, options.width));
  };
  add(header(trace, now, options), '', 'header');
  for (const { left, right, style, step } of rows) {
    add(left, right, style);
    const shown = step ? (windows.get(step) ?? 0) : 0;
    if (!step || shown === 0) continue;
    for (const { text } of step.tail.lines.slice(-shown)) add(` => => # ${text}`, '', 'output');
  }
  return lines;
}

/** Cuts the left part, and on a very narrow terminal drops the right one. */
function fitLine(left: string, right: string, style: LineStyle, width: number): FrameLine {
  const free = width - textWidth(right) - 1;
  if (right === '' || free < narrowest) return { left: fitText(left, width), right: '', style };
  return { left: fitText(left, free), right, style };
}

function header(trace: BuildTrace, now: number, { doing, outcome }: FrameOptions): string {
  const elapsed = formatSeconds(Math.max(0, now - (trace.startTime ?? now)) / 1000);
  let completed = 0;
  for (const step of trace.steps.values()) if (isCompleted(step)) completed++;
  return `[+] ${doing} ${elapsed} (${completed}/${trace.steps.size})${outcome ? ` ${outcome}` : ''}`;
}

/** Rows for all groups, with less and less detail until they fit: first of what is completed and oldest. */
function fitRows(groups: readonly StepGroup[], limit: number, now: number): Row[] {
  const blocks = groups.map(group => ({
    group,
    completed: isGroupCompleted(group),
    rows: groupRows(group, 0, now),
  }));
  let count = blocks.reduce((sum, block) => sum + block.rows.length, 0);
  const retreats: { completed: boolean; detail: Detail }[] = [
    { completed: true, detail: 1 },
    { completed: true, detail: 2 },
    { completed: false, detail: 1 },
    { completed: false, detail: 2 },
    { completed: true, detail: 3 },
    { completed: false, detail: 3 },
  ];
  for (const { completed, detail } of retreats) {
    for (const block of blocks) {
      if (count <= limit) break;
      if (block.completed !== completed) continue;
      count -= block.rows.length;
      block.rows = groupRows(block.group, detail, now);
      count += block.rows.length;
    }
  }
  const rows = blocks.flatMap(block => block.rows);
  if (rows.length <= limit) return rows;
  const hidden = rows.length - limit + 1;
  return [...rows.slice(0, limit - 1), { left: ` => and ${hidden} more`, right: '', style: 'running' }];
}

function groupRows(group: StepGroup, detail: Detail, now: number): Row[] {
  if (detail < 2) return group.steps.flatMap(step => stepRows(step, detail === 0, now));
  const open = group.steps.filter(step => !isCompleted(step) || step.error !== undefined);
  const completed = group.steps.filter(step => !open.includes(step));
  const rows = open.flatMap(step => stepRows(step, false, now));
  if (detail === 3 || completed.length === 0) return rows;
  const first = completed[0]!;
  if (completed.length === 1) return [...stepRows(first, false, now), ...rows];
  const cached = completed.filter(step => step.cached).length;
  const note = cached === 0 ? '' : cached === completed.length ? ', all cached' : `, ${cached} cached`;
  const left = ` => [${group.title}] ${completed.length} steps done${note}`;
  return [{ left, right: formatSeconds(secondsAtWork(completed, now)), style: 'done' }, ...rows];
}

function stepRows(step: Step, withMeasures: boolean, now: number): Row[] {
  const running = isRunning(step);
  const [mark, style]: [string, LineStyle] = hasFailed(step)
    ? ['ERROR ', 'failed']
    : isCancelled(step)
      ? ['CANCELED ', 'cancelled']
      : [step.cached ? 'CACHED ' : '', running ? 'running' : 'done'];
  const rows: Row[] = [
    {
      left: ` => ${mark}${printable(step.name)}`,
      right: formatSeconds(secondsAtWork([step], now)),
      style,
      ...(running && { step }),
    },
  ];
  if (withMeasures || running) for (const measure of step.measures) rows.push(measureRow(measure, now));
  for (const warning of step.warnings) {
    const text = printable(Buffer.from(warning.short, 'base64').toString());
    rows.push({ left: ` => => WARN: ${text}`, right: '', style: 'warning' });
  }
  return rows;
}

function measureRow(measure: Measure, now: number): Row {
  const { current, total, started = now, completed } = measure;
  const name = printable(measure.id).replace(/^(sha256:[0-9a-f]{12})[0-9a-f]{52}/, '$1');
  const amount = formatAmount(current, total);
  const share = total > 0 && completed === undefined ? ` ${Math.floor((100 * current) / total)}%` : '';
  const seconds = Math.max(0, (completed ?? now) - started) / 1000;
  return {
    left: ` => => ${name}`,
    right: `${amount}${share} ${formatSeconds(seconds).padStart(6)}`.trimStart(),
    style: completed === undefined ? 'running' : 'done',
  };
}

function isTalking(step: Step): boolean {
  return step.tail.lines.length > 0 && isRunning(step);
}

/** Deals the free lines out to the running steps that wrote something, evenly. */
function openWindows(rows: readonly Row[], free: number): Map<Step, number> {
  const wanting = rows.flatMap(({ step }) => (step && isTalking(step) ? [step] : []));
  const windows = new Map<Step, number>();
  let left = free;
  for (let height = 1; height <= windowHeight; height++) {
    for (const step of wanting) {
      if (left <= 0) return windows;
      if (step.tail.lines.length < height) continue;
      windows.set(step, height);
      left--;
    }
  }
  return windows;
}
