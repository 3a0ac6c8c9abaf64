import { Session } from 'node:inspector/promises';

/** Tells which blocks of the product's code have run: V8 counts them, without any instrumentation. */
export class Coverage {
  readonly #session = new Session();
  readonly #seen = new Set<string>();

  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post('Profiler.enable');
    await this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** How many blocks have ever run. */
  get size(): number {
    return this.#seen.size;
  }

  /** The blocks that ran since this was asked last, of those that are wanted. */
  async take(isWanted: (block: string) => boolean): Promise<Set<string>> {
    const { result } = await this.#session.post('Profiler.takePreciseCoverage');
    const ran = new Set<string>();
    for (const { url, scriptId, functions } of result) {
      if (!url.includes('/src/')) continue;
      for (const { ranges } of functions)
        for (const { startOffset, endOffset, count } of ranges) {
          const block = `${scriptId} ${startOffset} ${endOffset}`;
          if (count > 0 && isWanted(block)) ran.add(block);
        }
    }
    return ran;
  }

  /** As {@link take}, the blocks that never ran before. */
  async takeNew(): Promise<Set<string>> {
    const fresh = await this.take(block => !this.#seen.has(block));
    for (const block of fresh) this.#seen.add(block);
    return fresh;
  }
}
