import type { ExportedResult } from './exported.ts';
import { recordsOf } from './exported.ts';

/** The field of an image's config that holds its cache: records in JSON, in base64. */
export const inlineField = 'moby.buildkit.cache.v0';

/**
 * The cache that an image carries: records of those results that are layers of the image. They name layers by their
 * places in it.
 * @param count of the image's layers
 */
export function inlineCache(results: readonly ExportedResult<number>[], count: number): string | undefined {
  const records = recordsOf(results, (places, createdAt) => {
    if (places.some(place => place < 0 || place >= count)) return undefined;
    const isBottom = places.every((place, i) => place === i);
    if (places.length > 0 && isBottom) return { layers: [{ layer: places.length - 1, createdAt }] };
    return { chains: [{ layers: places, createdAt }] };
  });
  return records.every(({ layers, chains }) => !layers && !chains)
    ? undefined
    : Buffer.from(JSON.stringify(records)).toString('base64');
}
