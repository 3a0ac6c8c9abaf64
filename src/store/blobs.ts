import { type BlobStore, openBlobs } from '../content/blobs.ts';
import type { Store } from './store.ts';

const opened = new WeakMap<Store, BlobStore>();

/**
 * The blobs of a store. A blob is found, or put into its place, while no other process writes to the database, and
 * collection deletes under the same condition: so neither comes between the two halves of the other.
 */
export function blobsOf(store: Store): BlobStore {
  let blobs = opened.get(store);
  if (blobs === undefined) {
    blobs = openBlobs(store.root, body => (store.db.isTransaction ? body() : store.transaction(body)));
    opened.set(store, blobs);
  }
  return blobs;
}
