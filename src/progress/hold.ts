import type { ProgressSink, SolveStatus } from './types.ts';

/** Events that are kept back. */
export interface HeldEvents {
  readonly sink: ProgressSink;
  /** Passes on what was kept, and from now on everything at once. */
  release(): void;
  /** Forgets what was kept. False when it was passed on already. */
  drop(): boolean;
}

/**
 * Keeps the first events of a build back, for so many milliseconds at most: a build that turns out to have to start
 * anew elsewhere should not be seen twice.
 */
export function holdEvents(target: ProgressSink, milliseconds: number): HeldEvents {
  let kept: SolveStatus[] | undefined = [];
  const release = (): void => {
    clearTimeout(timer);
    const events = kept ?? [];
    kept = undefined;
    for (const event of events) target(event);
  };
  const timer = setTimeout(release, milliseconds).unref();
  return {
    // Senders may go on to change what they sent.
    sink: event => (kept ? void kept.push(structuredClone(event)) : target(event)),
    release,
    drop() {
      clearTimeout(timer);
      const isKept = kept !== undefined;
      kept &&= [];
      return isKept;
    },
  };
}
