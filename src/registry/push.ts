import type { BlobStore } from '../content/blobs.ts';
import { documentLimit, parseJson } from '../content/json.ts';
import { checkIndex, checkManifest, isIndexType } from '../image/manifest.ts';
import { formatPlatform } from '../image/platform.ts';
import { formatFamiliar, type Reference } from '../image/reference.ts';
import { type RemoteLayer, readRemote } from '../image/remote-layer.ts';
import type { Descriptor } from '../image/types.ts';
import type { Digest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import type { RepositoryClient } from './client.ts';
import type { Registries } from './registries.ts';
import { uploadManifest } from './upload.ts';
import { uploadBlobs } from './uploads.ts';

export interface PushOptions {
  /** Told of each blob how many bytes were sent, or in words why none had to be. */
  status(id: string, current: number, total?: number): void;
  /** Another repository of the registry that may have a blob. */
  mountFrom?(digest: Digest): string | undefined;
  /** Layers that are not in the store, and where they are. */
  readonly remote?: ReadonlyMap<Digest, RemoteLayer> | undefined;
  /** Sends it under its digest alone. */
  readonly byDigest?: boolean | undefined;
  /** The registry may be spoken to without TLS, or with a certificate that nobody vouches for. */
  readonly insecure?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

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
  const visit = async (descriptor: Descriptor): Promise<void> => {
    if (descriptor !== image && !blobs.has(descriptor.digest))
      return checkThere(client, descriptor, formatFamiliar(reference));
    const document = parseJson(blobs.read(descriptor.digest, documentLimit), what);
    if (isIndexType(descriptor.mediaType))
      for (const part of checkIndex(document, what).manifests) await visit(part);
    else {
      const { config, layers } = checkManifest(document, what);
      for (const blob of [config, ...layers]) content.set(blob.digest, blob);
    }
    manifests.push(descriptor);
  };
  await visit(image);
  await uploadBlobs(client, content.values(), {
    ...options,
    open: ({ digest }, from) => {
      const layer = blobs.use(digest) ? undefined : options.remote?.get(digest);
      // The registry verifies what it takes in by the digest it is given.
      return layer ? readRemote(layer, from) : blobs.stream(digest, { from, verify: from === 0 });
    },
  });
  for (const manifest of manifests) {
    const bytes = blobs.read(manifest.digest, documentLimit);
    const name = manifest === image && !options.byDigest ? reference.tag : undefined;
    await uploadManifest(client, manifest, bytes, name);
  }
}

/** Of an image that was pulled for one platform the others are not here; a registry that has them needs no more. */
async function checkThere(
  client: RepositoryClient,
  { digest, platform }: Descriptor,
  name: string,
): Promise<void> {
  try {
    await client.digest(digest);
  } catch (error) {
    if (!(error instanceof StagecraftError && error.code === 'not-found')) throw error;
    const of = platform === undefined ? '' : ` for ${formatPlatform(platform)}`;
    throw new StagecraftError(
      'not-found',
      `The image ${name} has a part${of} that is not in the store: ${digest}.`,
      {
        hint: 'Pull the image with --platform for all its platforms, or copy it with `stagecraft copy`.',
        cause: error,
      },
    );
  }
}
