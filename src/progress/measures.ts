import type { Digest } from '../util/digest.ts';
import { timestamp } from './time.ts';
import type { ProgressSink } from './types.ts';

/** Milliseconds between two reports of one measure. */
const interval = 50;

/** The measured parts of one step, such as blobs that are fetched: each begins once, is told now and then, and ends once. */
export class Measures {
  readonly #sink: ProgressSink;
  readonly #vertex: Digest;
  readonly #begun = new Map<string, { started: string; told: number; ended: boolean }>();

  /** @param vertex the step that they are parts of */
  constructor(sink: ProgressSink, vertex: Digest) {
    this.#sink = sink;
    this.#vertex = vertex;
  }

  /** How far a part is: bytes, or whatever else its name says, done so far and in all. */
  status(id: string, current: number, total?: number): void {
    const time = timestamp();
    const now = performance.now();
    let part = this.#begun.get(id);
    if (part === undefined) {
      part = { started: time, told: Number.NEGATIVE_INFINITY, ended: false };
      this.#begun.set(id, part);
    }
    const ends = total !== undefined && current >= total;
    if (part.ended || (!ends && now - part.told < interval)) return;
    part.told = now;
    part.ended = ends;
    this.#sink({
      statuses: [
        {
          id,
          vertex: this.#vertex,
          current,
          timestamp: time,
          started: part.started,
          ...(total !== undefined && { total }),
          ...(ends && { completed: time }),
        },
      ],
    });
  }
}
