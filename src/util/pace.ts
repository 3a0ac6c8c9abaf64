import { setImmediate } from 'node:timers/promises';

/** Milliseconds of work between two looks at the event loop. */
const slice = 10;

/**
 * Keeps long synchronous work from holding up displays, timers and Ctrl-C: ask {@link due} between two steps, and if
 * so await {@link rest}.
 */
export class Pace {
  readonly #signal: AbortSignal | undefined;
  #end = performance.now() + slice;

  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  get due(): boolean {
    return performance.now() > this.#end;
  }

  /** Lets everything else that is waiting run. Throws the signal's reason once it is aborted. */
  async rest(): Promise<void> {
    await setImmediate();
    this.#signal?.throwIfAborted();
    this.#end = performance.now() + slice;
  }
}
