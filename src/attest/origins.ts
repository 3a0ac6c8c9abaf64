import type { Digest } from '../util/digest.ts';

/** A line of a Dockerfile. */
export interface Origin {
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** The parts of provenance that lead from layers to lines; whoever made it, nothing of it is believed to be there. */
interface Told {
  source?: { locations?: Record<string, Location>; infos?: { filename?: unknown }[] };
  layers?: Record<string, { digest?: unknown }[][]>;
}

interface Location {
  locations?: { sourceIndex?: unknown; ranges?: { start?: { line?: unknown } }[] }[];
}

/**
 * The line of the Dockerfile that made each layer, where provenance of `mode=max` tells: SLSA v1 and v0.2, as BuildKit
 * writes them.
 * @param layers blobs, base first
 */
export function originsIn(predicate: unknown, layers: readonly Digest[]): (Origin | undefined)[] {
  const found = new Array<Origin | undefined>(layers.length).fill(undefined);
  try {
    const { source, layers: byStep = {} } = metadataOf(predicate);
    for (const [result, chains] of Object.entries(byStep)) {
      const origin = originOf(source, result.replace(/:\d+$/, ''));
      // A step's result is a chain of layers, of which it has made the last.
      for (const chain of chains) {
        const at = chain.length - 1;
        const isHere = chain.every(({ digest }, i) => digest === layers[i]);
        if (isHere && at >= 0) found[at] ??= origin;
      }
    }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  return found;
}

function metadataOf(predicate: unknown): Told {
  const { runDetails, metadata } = predicate as {
    runDetails?: { metadata?: { buildkit_metadata?: Told } };
    metadata?: Record<string, Told>;
  };
  return (
    runDetails?.metadata?.buildkit_metadata ??
    metadata?.['https://mobyproject.org/buildkit@v1#metadata'] ??
    {}
  );
}

function originOf(source: Told['source'], step: string): Origin | undefined {
  const place = source?.locations?.[step]?.locations?.[0];
  const line = place?.ranges?.[0]?.start?.line;
  const file = source?.infos?.[Number(place?.sourceIndex ?? 0)]?.filename;
  return typeof line === 'number' && typeof file === 'string' ? { file, line } : undefined;
}
