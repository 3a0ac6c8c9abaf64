import { familiarName } from '../image/reference.ts';
import type { Digest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { dropNames, findImage, getNamed, isUntagged, listRecords } from './images.ts';
import { sweepBlobs } from './prune.ts';
import type { Store } from './store.ts';

/** What `stagecraft rmi` did, as Docker tells it. */
export interface Removed {
  /** Familiar names that are gone. */
  untagged: string[];
  /** Of the manifest or index, where that was its last name. */
  deleted?: Digest;
}

/**
 * `stagecraft rmi`: takes a name away, or by its ID an image with its only name, and frees what nothing needs then.
 * With `force` an image goes with all its names.
 * @throws StagecraftError `not-found`; `usage` for an ID with several names without `force`
 */
export async function removeImage(
  store: Store,
  text: string,
  options: { force?: boolean } = {},
): Promise<Removed> {
  const found = findImage(store, text);
  const { digest } = found.descriptor;
  const all = listRecords(store).filter(record => record.descriptor.digest === digest);
  const isByName = getNamed(store, text) !== undefined;
  if (!isByName && all.length > 1 && !options.force)
    throw new StagecraftError(
      'usage',
      `The image ${text} has several names: ${all.map(record => familiarName(record.name)).join(', ')}.`,
      { hint: 'Name the one to remove, or add --force to remove all.' },
    );
  const gone = isByName ? [found] : all;
  dropNames(
    store,
    gone.map(record => record.name),
  );
  const untagged = gone.filter(record => !isUntagged(record)).map(record => familiarName(record.name));
  if (gone.length < all.length) return { untagged };
  await sweepBlobs(store);
  return { untagged, deleted: digest };
}
