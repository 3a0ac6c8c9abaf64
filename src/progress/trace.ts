import type { Digest } from '../util/digest.ts';
import { OutputTail } from './tail.ts';
import type { SolveStatus, Vertex, VertexStatus, VertexWarning } from './types.ts';

/** One stretch of time in which a step was at work; milliseconds since the epoch. */
interface Interval {
  readonly start: number;
  stop: number | undefined;
}

/** A measured part of a step, such as one blob. Times are milliseconds since the epoch. */
export interface Measure {
  readonly id: string;
  current: number;
  total: number;
  timestamp: number;
  started: number | undefined;
  completed: number | undefined;
}

/** What is known of one step so far. */
export interface Step {
  readonly digest: Digest;
  name: string;
  cached: boolean;
  error: string | undefined;
  /** In order of start. A step that is retried, or whose result is loaded later, has several. */
  readonly intervals: Interval[];
  /** In the order in which they started. */
  readonly measures: Measure[];
  readonly warnings: VertexWarning[];
  readonly tail: OutputTail;
  /** Bytes of output so far. */
  outputBytes: number;
}

/** The state of a build, gathered from its events. Displays draw from it. */
export class BuildTrace {
  readonly steps = new Map<Digest, Step>();
  /** The steps that have started, in that order. */
  readonly started: Step[] = [];
  /** Warnings that belong to no step. */
  readonly warnings: VertexWarning[] = [];
  /** When the first step started, by the builder's clock. */
  startTime: number | undefined;
  /** Milliseconds to add to the builder's clock to get this machine's: the builder may be a remote one. */
  clockOffset = 0;
  readonly #tailLines: number;

  /** `tailLines` is how many of its last output lines each step keeps. */
  constructor(tailLines: number) {
    this.#tailLines = tailLines;
  }

  apply(status: SolveStatus): void {
    for (const vertex of status.vertexes ?? []) this.#applyVertex(vertex);
    for (const measured of status.statuses ?? []) {
      const step = this.steps.get(measured.vertex);
      if (step) applyMeasure(step, measured);
    }
    for (const warning of status.warnings ?? []) {
      const step = warning.vertex && this.steps.get(warning.vertex);
      (step ? step.warnings : this.warnings).push(warning);
    }
    for (const log of status.logs ?? []) {
      const step = this.steps.get(log.vertex);
      if (!step) continue;
      const data = Buffer.from(log.data, 'base64');
      step.outputBytes += data.length;
      step.tail.write(log.stream, data, elapsedAt(step, Date.parse(log.timestamp)));
    }
  }

  #applyVertex(vertex: Vertex): void {
    let step = this.steps.get(vertex.digest);
    if (!step) {
      step = {
        digest: vertex.digest,
        name: vertex.name,
        cached: false,
        error: undefined,
        intervals: [],
        measures: [],
        warnings: [],
        tail: new OutputTail(this.#tailLines),
        outputBytes: 0,
      };
      this.steps.set(vertex.digest, step);
    }
    // The plain announcement of a step that already ran says nothing new.
    if (vertex.started === undefined && step.intervals.length > 0) return;
    step.name = vertex.name;
    step.cached = vertex.cached ?? false;
    step.error = vertex.error || undefined;
    if (vertex.started === undefined) return;
    const start = Date.parse(vertex.started);
    if (this.startTime === undefined) {
      this.startTime = start;
      this.clockOffset = Date.now() - start;
    }
    if (step.intervals.length === 0) this.started.push(step);
    const stop = vertex.completed === undefined ? undefined : Date.parse(vertex.completed);
    const known = step.intervals.find(interval => interval.start === start);
    if (known) known.stop = stop;
    else {
      // A step that starts anew has ended what it did before, even if nobody said so.
      const last = step.intervals.at(-1);
      if (last) last.stop ??= start;
      step.intervals.push({ start, stop });
    }
    // The last lines are for those who watch a step run or wonder why it failed.
    if (stop !== undefined && !step.error) step.tail.clear();
  }
}

function applyMeasure(step: Step, status: VertexStatus): void {
  const started = status.started === undefined ? undefined : Date.parse(status.started);
  const update: Measure = {
    id: status.id,
    current: status.current,
    total: status.total ?? 0,
    timestamp: Date.parse(status.timestamp),
    started,
    completed: status.completed === undefined ? undefined : Date.parse(status.completed),
  };
  const known = step.measures.find(measure => measure.id === status.id);
  if (known) Object.assign(known, update);
  else if (started !== undefined) step.measures.push(update);
}

export function isStarted(step: Step): boolean {
  return step.intervals.length > 0;
}

export function isCompleted(step: Step): boolean {
  return isStarted(step) && step.intervals.every(interval => interval.stop !== undefined);
}

export function isRunning(step: Step): boolean {
  return step.intervals.some(interval => interval.stop === undefined);
}

/** True when the step did not fail by itself but was stopped. */
export function isCancelled(step: Step): boolean {
  return step.error !== undefined && /cancell?ed\.?$/i.test(step.error);
}

/** True when the step itself failed. */
export function hasFailed(step: Step): boolean {
  return step.error !== undefined && !isCancelled(step);
}

/** When the step last stopped, or nothing while it runs; the builder's clock in milliseconds. */
export function completedAt(step: Step): number | undefined {
  return isCompleted(step) ? Math.max(...step.intervals.map(interval => interval.stop!)) : undefined;
}

/** Seconds that these steps were at work, time in which several were counted once. `now` is in the builder's clock. */
export function secondsAtWork(steps: Iterable<Step>, now: number): number {
  const intervals = [...steps].flatMap(step => step.intervals);
  intervals.sort((a, b) => a.start - b.start);
  let sum = 0;
  let reached = Number.NEGATIVE_INFINITY;
  for (const { start, stop = Math.max(now, start) } of intervals) {
    if (stop <= reached) continue;
    sum += stop - Math.max(start, reached);
    reached = stop;
  }
  return sum / 1000;
}

/** Seconds from the step's last start to a moment of the builder's clock. */
export function elapsedAt(step: Step, moment: number): number {
  const last = step.intervals.at(-1);
  return last ? Math.max(0, moment - last.start) / 1000 : 0;
}
