import type { HistoryEntry } from '../image/types.ts';

/** What is known of a layer for its history entry. */
export interface LayerOrigin {
  /** RFC 3339. */
  created: string;
  description?: string | undefined;
}

/**
 * Makes history and layers match (config.md, `history`): one entry that is not empty for each layer, in order, and a
 * time in every entry. Entries beyond the layers become empty ones; layers without entry get one. An entry without
 * time takes that of its layer, else that of the next entry which has one, else that of the last.
 */
export function completeHistory(
  history: readonly HistoryEntry[],
  layers: readonly LayerOrigin[],
): HistoryEntry[] {
  const completed: HistoryEntry[] = [];
  let next = 0;
  for (const entry of history) {
    const layer = entry.empty_layer ? undefined : layers[next];
    if (layer) next += 1;
    const created = entry.created || layer?.created;
    completed.push({
      ...(created ? { created } : {}),
      ...rest(entry),
      ...(layer ? {} : { empty_layer: true }),
    });
  }
  for (const layer of layers.slice(next))
    completed.push({
      created: layer.created,
      created_by: layer.description ?? '',
      comment: 'stagecraft.exporter.image.v0',
    });
  return fillTimes(completed);
}

/** The time of what nobody made at any time: some tools fail on a config without times. */
export const noTime = '1970-01-01T00:00:00Z';

function fillTimes(history: HistoryEntry[]): HistoryEntry[] {
  let following = history.findLast(entry => entry.created)?.created ?? noTime;
  return history
    .reverse()
    .map(entry => {
      following = entry.created || following;
      return { ...entry, created: following };
    })
    .reverse();
}

/**
 * No time later than the epoch, in RFC 3339, except in the entries that came with the base image.
 * @param base the history of the base image
 */
export function limitTimes(
  history: readonly HistoryEntry[],
  epoch: string,
  base: readonly HistoryEntry[] = [],
): HistoryEntry[] {
  let isBase = true;
  return history.map((entry, index) => {
    isBase &&= isSame(entry, base[index]);
    return isBase ? entry : { ...entry, created: earlier(entry.created, epoch) };
  });
}

/** The earlier of two times in RFC 3339; the second where the first is none. */
export function earlier(time: string | undefined, limit: string): string {
  const at = Date.parse(time ?? '');
  return at <= Date.parse(limit) ? time! : limit;
}

function isSame(entry: HistoryEntry, base: HistoryEntry | undefined): boolean {
  return (
    base !== undefined &&
    entry.created === base.created &&
    entry.created_by === base.created_by &&
    (entry.empty_layer ?? false) === (base.empty_layer ?? false)
  );
}

function rest(entry: HistoryEntry): HistoryEntry {
  return {
    ...(entry.created_by === undefined ? {} : { created_by: entry.created_by }),
    ...(entry.author === undefined ? {} : { author: entry.author }),
    ...(entry.comment === undefined ? {} : { comment: entry.comment }),
  };
}
