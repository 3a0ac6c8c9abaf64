import { parseJson } from '../content/json.ts';
import { checkIndex, checkManifest, isIndexType } from '../image/manifest.ts';
import { formatFamiliar, type Reference } from '../image/reference.ts';
import type { Descriptor } from '../image/types.ts';
import type { Fetched, RepositoryClient } from './client.ts';
import type { PushOptions } from './push.ts';
import type { Registries } from './registries.ts';
import { uploadBlob, uploadManifest } from './upload.ts';

/**
 * Copies an image with all that belongs to it from one repository to another; what the target has is not sent again,
 * and within one registry blobs are mounted.
 * @throws StagecraftError `not-found`, `integrity`, `io`
 */
export async function copyBetween(
  registries: Registries,
  from: Reference,
  to: Reference,
  options: PushOptions,
): Promise<Descriptor> {
  const source = await registries.repository(from, 'pull', options.insecure);
  const target = await registries.repository(to, 'pull,push', options.insecure);
  const mountFrom = from.domain === to.domain ? from.path : undefined;
  const top = await source.manifest(from.digest ?? from.tag!);
  await copyManifest(source, target, top, to.tag, { ...options, mountFrom, what: formatFamiliar(from) });
  return top.descriptor;
}

interface CopyOptions extends PushOptions {
  readonly mountFrom: string | undefined;
  readonly what: string;
}

async function copyManifest(
  source: RepositoryClient,
  target: RepositoryClient,
  { descriptor, bytes }: Fetched,
  name: string | undefined,
  options: CopyOptions,
): Promise<void> {
  const document = parseJson(bytes, options.what);
  if (isIndexType(descriptor.mediaType)) {
    for (const { digest } of checkIndex(document, options.what).manifests)
      await copyManifest(source, target, await source.manifest(digest), undefined, options);
  } else {
    const { config, layers } = checkManifest(document, options.what);
    for (const blob of [...layers, config]) await copyBlob(source, target, blob, options);
  }
  await uploadManifest(target, descriptor, bytes, name);
}

/** The target verifies what it takes in by the digest it is given. */
async function copyBlob(
  source: RepositoryClient,
  target: RepositoryClient,
  blob: Descriptor,
  { status, signal, mountFrom }: CopyOptions,
): Promise<void> {
  await uploadBlob(target, blob, {
    open: from => source.blob(blob, from),
    mountFrom,
    signal,
    onBytes: done => status(blob.digest, done, blob.size),
  });
  status(blob.digest, blob.size, blob.size);
}
