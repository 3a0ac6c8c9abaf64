import { formatPlatform, parsePlatform } from '../image/platform.ts';
import type { Platform } from '../image/types.ts';
import { StagecraftError } from '../util/errors.ts';

export type AnnotationPlace = 'index' | 'index-descriptor' | 'manifest' | 'manifest-descriptor';

/** One annotation of the image to write (annotations.md). */
export interface Annotation {
  place: AnnotationPlace;
  /** Only for this platform's manifest; for all where absent. */
  platform?: string;
  key: string;
  value: string;
}

export type Annotations = readonly Annotation[];

const places = new Set(['index', 'index-descriptor', 'manifest', 'manifest-descriptor']);

/**
 * Reads `--annotation` as buildx does: `key=value`, `manifest:key=value`, `index,manifest[linux/amd64]:key=value`.
 * @throws StagecraftError `usage`
 */
export function parseAnnotation(text: string): Annotation[] {
  const equals = text.indexOf('=');
  if (equals <= 0) throw invalid(text);
  const value = text.slice(equals + 1);
  const name = text.slice(0, equals);
  const colon = name.indexOf(':');
  if (colon < 0) return [{ place: 'manifest', key: name, value }];
  const key = name.slice(colon + 1);
  if (key === '') throw invalid(text);
  return name
    .slice(0, colon)
    .split(',')
    .map(target => {
      const parts = /^([a-z-]+)(?:\[([A-Za-z0-9_/.-]+)\])?$/.exec(target);
      if (parts === null) throw invalid(text);
      return makeAnnotation(parts[1]!, parts[2], key, value, text);
    });
}

/** Reads an exporter's attribute such as `annotation.key` or `annotation-manifest[linux/amd64].key`; nothing for others. */
export function parseAnnotationAttribute(name: string, value: string): Annotation | undefined {
  const parts = /^annotation(?:-([a-z-]+))?(?:\[([A-Za-z0-9_/.-]+)\])?\.(\S+)$/.exec(name);
  return parts === null
    ? undefined
    : makeAnnotation(parts[1] ?? 'manifest', parts[2], parts[3]!, value, name);
}

/** The annotations for one place, of a platform where the place is a part of an index; nothing where there are none. */
export function selectAnnotations(
  annotations: Annotations | undefined,
  place: AnnotationPlace,
  platform?: Platform,
): Record<string, string> | undefined {
  const chosen = (annotations ?? []).filter(
    each =>
      each.place === place &&
      (each.platform === undefined || (platform !== undefined && each.platform === formatPlatform(platform))),
  );
  // What is said for one platform wins over what is said for all.
  chosen.sort((a, b) => Number(a.platform !== undefined) - Number(b.platform !== undefined));
  return chosen.length === 0 ? undefined : Object.fromEntries(chosen.map(({ key, value }) => [key, value]));
}

function makeAnnotation(
  place: string,
  platform: string | undefined,
  key: string,
  value: string,
  text: string,
): Annotation {
  if (!places.has(place)) throw invalid(text);
  if (platform !== undefined && place.startsWith('index'))
    throw new StagecraftError('usage', `An annotation of an index cannot be for one platform: ${text}.`);
  return {
    place: place as AnnotationPlace,
    ...(platform === undefined ? {} : { platform: formatPlatform(parsePlatform(platform)) }),
    key,
    value,
  };
}

function invalid(text: string): StagecraftError {
  return new StagecraftError('usage', `Invalid annotation ${JSON.stringify(text)}.`, {
    hint: 'Write it as [PLACE[PLATFORM]:]KEY=VALUE, PLACE being manifest, index, manifest-descriptor or index-descriptor.',
  });
}
