import type { Descriptor } from '../image/types.ts';
import type { Digest } from '../util/digest.ts';
import { forEachAtOnce } from '../util/parallel.ts';
import type { RepositoryClient } from './client.ts';
import { uploadBlob } from './upload.ts';

export interface UploadsOptions {
  /** Reads a blob's bytes from an offset on. */
  open(blob: Descriptor, from: number): AsyncIterable<Uint8Array>;
  /** Another repository of the registry that may have a blob. */
  mountFrom?(digest: Digest): string | undefined;
  /** Told of each blob how many bytes were sent, or in words why none had to be. */
  status(id: string, current: number, total?: number): void;
  readonly signal?: AbortSignal | undefined;
}

/** Uploads at once. */
const atOnce = 4;

/** Sends the blobs that a repository lacks, some at once. @throws StagecraftError as `uploadBlob` */
export async function uploadBlobs(
  client: RepositoryClient,
  blobs: Iterable<Descriptor>,
  { open, mountFrom, status, signal }: UploadsOptions,
): Promise<void> {
  await forEachAtOnce(blobs, atOnce, async blob => {
    const { digest, size } = blob;
    const name = digest.slice(0, 19);
    const from = mountFrom?.(digest);
    const how = await uploadBlob(client, blob, {
      open: at => open(blob, at),
      mountFrom: from,
      onBytes: done => status(`pushing ${name}`, done, size),
      signal,
    });
    if (how === 'sent') status(`pushing ${name}`, size, size);
    // Docker's words.
    else status(how === 'there' ? `${name} already exists` : `${name} mounted from ${from}`, 0, 0);
  });
}
