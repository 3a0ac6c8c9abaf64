import type { BlobStore } from '../content/blobs.ts';
import { readJson } from '../content/json.ts';
import { checkIndex, checkManifest, isIndexType } from '../image/manifest.ts';
import { parseName, type Reference } from '../image/reference.ts';
import type { Descriptor } from '../image/types.ts';
import type { Digest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { listBases } from './bases.ts';
import { blobsOf } from './blobs.ts';
import { isUntagged, listRecords } from './images.ts';
import type { Store } from './store.ts';

/**
 * Finds another repository of a registry that may have a blob, so that it need not be sent again: base images came from
 * theirs, and images of the registry's names probably were there. The store is read at the first question.
 */
export function otherHolders(
  store: Store,
  { domain, path }: Reference,
): (blob: Digest) => string | undefined {
  let holders: Map<Digest, string> | undefined;
  return blob => {
    holders ??= findHolders(store, domain, path);
    return holders.get(blob);
  };
}

/** By blob. */
function findHolders(store: Store, domain: string, except: string): Map<Digest, string> {
  const blobs = blobsOf(store);
  const named = [...listBases(store), ...listRecords(store).filter(record => !isUntagged(record))];
  const holders = new Map<Digest, string>();
  for (const { name, descriptor } of named) {
    const reference = parseName(name);
    if (reference.domain !== domain || reference.path === except) continue;
    for (const digest of contentOf(blobs, descriptor))
      if (!holders.has(digest)) holders.set(digest, reference.path);
  }
  return holders;
}

/** The configs and layers of an image, as far as it is there. */
function contentOf(blobs: BlobStore, { digest, mediaType }: Descriptor): Digest[] {
  if (!blobs.has(digest)) return [];
  try {
    const document = readJson(blobs, digest);
    const what = `The image ${digest}`;
    if (isIndexType(mediaType))
      return checkIndex(document, what).manifests.flatMap(manifest => contentOf(blobs, manifest));
    const { config, layers } = checkManifest(document, what);
    return [config, ...layers].map(blob => blob.digest);
  } catch (error) {
    // A damaged image says nothing of others.
    if (error instanceof StagecraftError) return [];
    throw error;
  }
}
