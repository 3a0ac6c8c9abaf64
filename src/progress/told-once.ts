import type { Digest } from '../util/digest.ts';
import type { ProgressSink } from './types.ts';

/**
 * A sink for a build that solves more than once. A step that was made is found made later; that is no news to those who
 * saw it being made, unless it fails. One that was found, and must be made after all, is.
 */
export function toldOnce(sink: ProgressSink): ProgressSink {
  const made = new Map<Digest, { readonly cached: boolean }>();
  return status => {
    const vertexes = status.vertexes?.filter(({ digest, started, completed, cached = false, error }) => {
      const before = made.get(digest);
      const isMade = started !== undefined && !cached;
      if (before !== undefined && error === undefined && !(before.cached && isMade)) return false;
      if (completed !== undefined) made.set(digest, { cached });
      return true;
    });
    sink(vertexes === undefined ? status : { ...status, vertexes });
  };
}
