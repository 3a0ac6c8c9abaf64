import type { BlobStore } from '../content/blobs.ts';
import { documentLimit, parseJson } from '../content/json.ts';
import { checkIndex, checkManifest, isIndexType } from '../image/manifest.ts';
import { formatFamiliar, type Reference } from '../image/reference.ts';
import type { Descriptor } from '../image/types.ts';
import type { Digest } from '../util/digest.ts';
import type { RepositoryClient } from './client.ts';
import type { Registries } from './registries.ts';
import { uploadBlob, uploadManifest } from './upload.ts';

export interface PushOptions {
  /** Told of each blob how many bytes the registry has. */
  status(id: string, current: number, total?: number): void;
  /** Sends it under its digest alone. */
  readonly byDigest?: boolean | undefined;
  /** The registry may be spoken to without TLS, or with a certificate that nobody vouches for. */
  readonly insecure?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Uploads at once. */
const atOnce = 4;

/**
 * Sends an image that is in the blob store, with all its parts: blobs first, then what names them, so that a registry
 * never has a name without what it stands for.
 * @throws StagecraftError `not-found` where a part is not in the store; `io`
 */
export async function pushImage(
  registries: Registries,
  blobs: BlobStore,
  reference: Reference,
  image: Descriptor,
  options: PushOptions,
): Promise<void> {
  const client = await registries.repository(reference, 'pull,push', options.insecure);
  const what = `The image ${formatFamiliar(reference)}`;
  const manifests: Descriptor[] = [];
  const content = new Map<Digest, Descriptor>();
  const visit = (descriptor: Descriptor): void => {
    const document = parseJson(blobs.read(descriptor.digest, documentLimit), what);
    if (isIndexType(descriptor.mediaType)) checkIndex(document, what).manifests.forEach(visit);
    else {
      const { config, layers } = checkManifest(document, what);
      for (const blob of [config, ...layers]) content.set(blob.digest, blob);
    }
    manifests.push(descriptor);
  };
  visit(image);
  await pushBlobs(client, blobs, [...content.values()], options);
  for (const manifest of manifests) {
    const bytes = blobs.read(manifest.digest, documentLimit);
    const name = manifest === image && !options.byDigest ? reference.tag : undefined;
    await uploadManifest(client, manifest, bytes, name);
  }
}

async function pushBlobs(
  client: RepositoryClient,
  blobs: BlobStore,
  content: Descriptor[],
  { status, signal }: PushOptions,
): Promise<void> {
  const queue = [...content];
  const work = async (): Promise<void> => {
    for (let blob = queue.shift(); blob !== undefined; blob = queue.shift()) {
      const { digest, size } = blob;
      await uploadBlob(client, blob, {
        open: from => blobs.stream(digest, { from, verify: from === 0 }),
        onBytes: done => status(digest, done, size),
        signal,
      });
      status(digest, size, size);
    }
  };
  // The first failure ends what the others would begin.
  await Promise.all(
    Array.from({ length: atOnce }, () =>
      work().catch(error => {
        queue.length = 0;
        throw error;
      }),
    ),
  );
}
