import { bytesFromText } from '../util/bytes.ts';
import type { Digest } from '../util/digest.ts';
import { printable } from '../util/printable.ts';
import { describeFailures, isCancellation } from './failures.ts';
import { appendOutput, describeMeasure, outcome, type Printed } from './plain-lines.ts';
import {
  BuildTrace,
  completedAt,
  elapsedAt,
  isCompleted,
  isRunning,
  type Measure,
  type Step,
} from './trace.ts';
import type { Display, OutputStream, SolveStatus } from './types.ts';
import { formatStamp } from './units.ts';

/** Milliseconds between two looks at what there is to print. */
const printInterval = 100;
/** A step keeps the floor at least this long while others have something to say; milliseconds. */
const minimumTurn = 5000;
/** A step that waited this long gets the floor; milliseconds. */
const longestWait = 10_000;
/** A step whose unprinted output reaches this many bytes gets the floor, so that memory stays bounded. */
const pendingLimit = 1 << 20;
/** An unfinished line of this many bytes is broken, for the same reason. */
const openLineLimit = 1 << 16;
/** A measure is printed again after so much of its total, or after so many milliseconds. */
const measureShare = 0.05;
const measureInterval = 5000;
/** Lines of a failed step that are repeated at the end. */
const repeatedLines = 10;

/**
 * The progress of a build as text that is only ever appended, in BuildKit's line format. Lines of one step stay
 * together: one step at a time has the floor; completed steps are printed at once, running ones take turns by how
 * much they have to say.
 */
export class PlainDisplay implements Display {
  readonly #stream: OutputStream;
  readonly #trace = new BuildTrace(repeatedLines);
  readonly #printed = new Map<Digest, Printed>();
  readonly #lastMeasure = new Map<Measure, { current: number; timestamp: number }>();
  readonly #updated = new Set<Step>();
  #current: Step | undefined;
  #nextNumber = 1;
  #first = true;
  #out = '';
  #lastPrint = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(stream: OutputStream) {
    this.#stream = stream;
  }

  readonly sink = (status: SolveStatus): void => {
    if (this.#closed) return;
    this.#trace.apply(status);
    this.#note(status);
    const wait = this.#lastPrint + printInterval - Date.now();
    if (wait <= 0) this.#print();
    else this.#schedule(wait);
  };

  close(error?: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#printTurns(Date.now());
    // Whatever still waits for its turn would else be lost.
    for (const step of this.#updated) this.#printStep(step);
    if (this.#current && this.#printed.get(this.#current.digest)?.partial) this.#out += '\n';
    this.#flush();
    if (!isCancellation(error)) this.#stream.write(describeFailures(this.#trace.started));
  }

  discard(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #schedule(wait: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#print();
    }, wait).unref();
  }

  #print(): void {
    this.#lastPrint = Date.now();
    this.#printTurns(this.#lastPrint);
    this.#flush();
    if (this.#updated.size > 0) this.#schedule(printInterval);
  }

  #flush(): void {
    if (this.#out === '') return;
    this.#stream.write(Buffer.from(this.#out, 'latin1'));
    this.#out = '';
  }

  /** Notes which steps have something new to print. */
  #note(status: SolveStatus): void {
    for (const vertex of status.vertexes ?? []) {
      const step = this.#trace.steps.get(vertex.digest)!;
      const printed = this.#printedOf(step);
      if (vertex.started === undefined) continue;
      const last = printed.lastVertex;
      printed.lastVertex = vertex;
      const changed =
        last?.name !== vertex.name ||
        last.started !== vertex.started ||
        (last.completed !== vertex.completed && vertex.completed !== undefined) ||
        (last.cached ?? false) !== (vertex.cached ?? false) ||
        (last.error ?? '') !== (vertex.error ?? '');
      if (changed) this.#touch(step, printed);
    }
    for (const { vertex, id } of status.statuses ?? []) {
      const step = this.#trace.steps.get(vertex);
      const measure = step?.measures.find(candidate => candidate.id === id);
      if (!step || !measure) continue;
      // A cached step's layers come later, beside the steps that run: only that they are there is worth its heading.
      if (isCompleted(step) && measure.completed === undefined) continue;
      const printed = this.#printedOf(step);
      printed.changedMeasures.add(measure);
      this.#touch(step, printed);
    }
    for (const { vertex } of status.warnings ?? []) {
      const step = vertex && this.#trace.steps.get(vertex);
      if (step) this.#touch(step, this.#printedOf(step));
    }
    for (const log of status.logs ?? []) {
      const step = this.#trace.steps.get(log.vertex);
      if (!step || log.data === '') continue;
      const printed = this.#printedOf(step);
      const stamp = formatStamp(elapsedAt(step, Date.parse(log.timestamp)));
      appendOutput(printed, Buffer.from(log.data, 'base64').toString('latin1'), stamp);
      this.#touch(step, printed);
    }
  }

  #touch(step: Step, printed: Printed): void {
    if (printed.events++ === 0) printed.since = Date.now();
    this.#updated.add(step);
  }

  #printedOf(step: Step): Printed {
    let printed = this.#printed.get(step.digest);
    if (!printed) {
      printed = {
        number: 0,
        lines: [],
        pendingBytes: 0,
        partial: false,
        offset: 0,
        changedMeasures: new Set(),
        warnings: 0,
        events: 0,
        since: 0,
        lastVertex: undefined,
      };
      this.#printed.set(step.digest, printed);
    }
    return printed;
  }

  /** Prints every completed step, and then gives the floor to at most one running step. */
  #printTurns(now: number): void {
    const holder = this.#current;
    const holderCompleted = holder !== undefined && this.#updated.has(holder) && isCompleted(holder);
    const completed = [...this.#updated].filter(isCompleted);
    completed.sort((a, b) => completedAt(a)! - completedAt(b)!);
    if (holderCompleted) this.#printStep(holder);
    for (const step of completed) if (step !== holder) this.#printStep(step);

    const waiting = [...this.#updated];
    if (waiting.length === 0) {
      if (holder && isRunning(holder)) return;
      const open = this.#trace.started.find(isRunning);
      if (open) this.#printStep(open);
      return;
    }
    if (holder && this.#updated.has(holder)) this.#printStep(holder);
    const next = this.#nextHolder(holderCompleted ? undefined : holder, waiting, now);
    if (next) this.#printStep(next);
  }

  /** Which of the waiting steps gets the floor now; nothing when its holder keeps it. */
  #nextHolder(holder: Step | undefined, waiting: Step[], now: number): Step | undefined {
    let busiest: Step | undefined;
    let topSpeed = -1;
    let allSpeeds = 0;
    let holderSpeed = 0;
    for (const step of new Set(holder ? [...waiting, holder] : waiting)) {
      const printed = this.#printedOf(step);
      const waited = now - printed.since;
      if (step !== holder && (waited > longestWait || printed.pendingBytes > pendingLimit)) return step;
      const speed = printed.events / Math.max(waited, 1);
      allSpeeds += speed;
      if (step === holder) holderSpeed = speed;
      else if (speed > topSpeed) [busiest, topSpeed] = [step, speed];
    }
    if (!holder) return busiest;
    // The larger the holder's share of all that is said, the longer it keeps the floor.
    const othersShare = 1 - holderSpeed / allSpeeds;
    const turn = now - this.#printedOf(holder).since;
    return minimumTurn / othersShare < turn ? busiest : undefined;
  }

  /** Prints all news of one step; it has the floor until it completes or another step gets it. */
  #printStep(step: Step): void {
    const printed = this.#printedOf(step);
    if (printed.number === 0) printed.number = this.#nextNumber++;
    if (step !== this.#current) this.#printHeading(step, printed);
    const open = this.#printMeasures(step, printed);
    for (const warning of step.warnings.slice(printed.warnings)) {
      this.#line(printed, `WARN: ${Buffer.from(warning.short, 'base64').toString()}`);
    }
    printed.warnings = step.warnings.length;
    this.#printOutput(printed);
    this.#current = step;
    if (isCompleted(step) && !open) {
      if (printed.partial) this.#out += '\n';
      printed.partial = false;
      this.#line(printed, outcome(step));
      this.#current = undefined;
      printed.events = 0;
    }
    this.#updated.delete(step);
  }

  #printHeading(step: Step, printed: Printed): void {
    const last = this.#current && this.#printedOf(this.#current);
    if (last) {
      if (last.partial) this.#out += '\n';
      last.offset = 0;
      last.events = 0;
      this.#line(last, '...');
    }
    if (!this.#first) this.#out += '\n';
    this.#first = false;
    this.#line(printed, step.name);
  }

  /** Prints measures that moved far enough since they were last printed. Returns true when one is still open. */
  #printMeasures(step: Step, printed: Printed): boolean {
    let open = false;
    for (const measure of step.measures) {
      if (!printed.changedMeasures.has(measure)) continue;
      const last = this.#lastMeasure.get(measure);
      if (last && measure.completed === undefined) {
        const share = measure.total > 0 ? (measure.current - last.current) / measure.total : 0;
        if (share < measureShare && measure.timestamp - last.timestamp < measureInterval) continue;
      }
      this.#lastMeasure.set(measure, { current: measure.current, timestamp: measure.timestamp });
      if (measure.completed === undefined) open = true;
      this.#line(printed, describeMeasure(measure));
    }
    printed.changedMeasures.clear();
    return open;
  }

  #printOutput(printed: Printed): void {
    const { lines } = printed;
    lines.forEach((line, i) => {
      if (i === 0 && printed.offset > 0) this.#out += line.slice(printed.offset);
      else this.#out += `#${printed.number} ${line}`;
      if (i < lines.length - 1 || !printed.partial) this.#out += '\n';
    });
    if (printed.partial && lines.at(-1)!.length > openLineLimit) {
      this.#out += '\n';
      printed.partial = false;
    }
    printed.lines = printed.partial ? lines.slice(-1) : [];
    printed.offset = printed.lines[0]?.length ?? 0;
    printed.pendingBytes = 0;
  }

  /** What we say; output of steps goes out as it is. */
  #line(printed: Printed, text: string): void {
    this.#out += `#${printed.number} ${bytesFromText(printable(text))}\n`;
  }
}
