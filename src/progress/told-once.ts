import type { Digest } from '../util/digest.ts';
import type { ProgressSink } from './types.ts';

/**
 * A sink for a build that solves more than once. A step that was made is found made later; that is no news to those who
 * saw it being made, unless it fails.
 */
export function toldOnce(sink: ProgressSink): ProgressSink {
  const made = new Set<Digest>();
  return status => {
    const vertexes = status.vertexes?.filter(({ digest, completed, error }) => {
      if (made.has(digest) && error === undefined) return false;
      if (completed !== undefined) made.add(digest);
      return true;
    });
    sink(vertexes === undefined ? status : { ...status, vertexes });
  };
}
