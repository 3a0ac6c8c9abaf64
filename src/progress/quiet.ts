import { describeFailures, isCancellation } from './failures.ts';
import { BuildTrace } from './trace.ts';
import type { Display, OutputStream, SolveStatus } from './types.ts';

/** Says nothing while all goes well; at the end shows what a failed step printed last. */
export class QuietDisplay implements Display {
  readonly #stream: OutputStream;
  readonly #trace = new BuildTrace(100);
  #closed = false;

  constructor(stream: OutputStream) {
    this.#stream = stream;
  }

  readonly sink = (status: SolveStatus): void => {
    if (!this.#closed) this.#trace.apply(status);
  };

  close(error?: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    // A step may fail and the build go on, as where a cache cannot be read.
    if (error === undefined || isCancellation(error)) return;
    const failures = describeFailures(this.#trace.started, true);
    if (failures) this.#stream.write(failures);
  }

  discard(): void {
    this.#closed = true;
  }
}
