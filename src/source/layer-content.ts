import type { Arrival } from '../content/arrival.ts';
import type { BlobStore } from '../content/blobs.ts';
import { decompress } from '../content/decompress.ts';
import { Allowance } from '../snapshot/allowance.ts';
import type { Store } from '../store/store.ts';
import { type Digest, finishDigest, startDigest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';

/**
 * The tar stream in a layer blob, whose digest must turn out to be the diffID that the config says (config.md); what
 * the blob holds is remembered then. A blob on its way is read as it comes.
 * @throws StagecraftError `integrity` at the end of the stream when it is another, so believe nothing before
 */
export async function* readLayer(
  store: Store,
  blobs: BlobStore,
  digest: Digest,
  diffId: Digest,
  arrival?: Arrival,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = startDigest();
  let size = 0;
  try {
    for await (const chunk of decompress(arrival?.stream() ?? blobs.stream(digest))) {
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  } catch (error) {
    throw await explainFailure(blobs, digest, arrival, error);
  }
  await arrival?.done;
  confirmContent(store, digest, diffId, { diffId: finishDigest(hash), size });
}

/** What a layer blob turned out to hold. */
export interface LayerContent {
  readonly diffId: Digest;
  /** Bytes of the tar stream. */
  readonly size: number;
}

/**
 * Remembers what a layer blob holds, if it is what the image's config says.
 * @throws StagecraftError `integrity` where it is not
 */
export function confirmContent(store: Store, digest: Digest, diffId: Digest, content: LayerContent): void {
  if (content.diffId !== diffId)
    throw new StagecraftError(
      'integrity',
      `The layer ${digest} has the content ${content.diffId}, but the image's config says ${diffId}.`,
      { hint: 'Get the image again from a source you trust.' },
    );
  store.prepare('INSERT OR REPLACE INTO blob_contents VALUES (?, ?, ?)').run(digest, diffId, content.size);
}

/** Why a layer could not be read: a blob that is not what it should be says more than what became of reading it. */
export async function explainFailure(
  blobs: BlobStore,
  digest: Digest,
  arrival: Arrival | undefined,
  error: unknown,
): Promise<unknown> {
  try {
    await arrival?.done;
    if (error instanceof StagecraftError && error.code === 'integrity') await checkBlob(blobs, digest, error);
  } catch (cause) {
    return cause;
  }
  return error;
}

/** Looks whether it is the blob itself that was altered since it was stored. */
async function checkBlob(blobs: BlobStore, digest: Digest, cause: Error): Promise<void> {
  const hash = startDigest();
  for await (const chunk of blobs.stream(digest)) hash.update(chunk);
  const actual = finishDigest(hash);
  if (actual === digest) return;
  throw new StagecraftError(
    'integrity',
    `The blob ${digest} was altered in the store: it now is ${actual}.`,
    {
      hint: 'Remove the image with `stagecraft rmi`, and make or load it again.',
      cause,
    },
  );
}

/** Reads a layer only to check it; one that was checked before is believed. @throws as {@link readLayer} */
export async function checkLayer(
  store: Store,
  blobs: BlobStore,
  digest: Digest,
  diffId: Digest,
): Promise<void> {
  const known = store.prepare('SELECT diff_id FROM blob_contents WHERE digest = ?').get(digest);
  if ((known as { diff_id: string } | undefined)?.diff_id === diffId) return;
  const allowance = Allowance.of(blobs.size(digest) ?? 0, undefined, `the layer ${digest}`);
  for await (const _ of allowance.bound(readLayer(store, blobs, digest, diffId)));
}
