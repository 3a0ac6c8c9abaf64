import { parseJson } from '../content/json.ts';
import { checkIndex, checkManifest, isIndexType } from '../image/manifest.ts';
import { formatFamiliar, type Reference } from '../image/reference.ts';
import type { Descriptor } from '../image/types.ts';
import type { Digest } from '../util/digest.ts';
import type { Fetched } from './client.ts';
import type { PushOptions } from './push.ts';
import type { Registries } from './registries.ts';
import { uploadManifest } from './upload.ts';
import { uploadBlobs } from './uploads.ts';

/**
 * Copies an image with all that belongs to it from one repository to another; what the target has is not sent again,
 * and within one registry blobs are mounted. The target verifies what it takes in by the digest it is given.
 * @throws StagecraftError `not-found`, `integrity`, `io`
 */
export async function copyBetween(
  registries: Registries,
  from: Reference,
  to: Reference,
  { status, signal }: Pick<PushOptions, 'status' | 'signal'>,
): Promise<Descriptor> {
  const target = await registries.repository(to, 'pull,push');
  const { source, top } = await registries.ask(from, async client => ({
    source: client,
    top: await client.manifest(from.digest ?? from.tag!),
  }));
  const what = formatFamiliar(from);
  const manifests: Fetched[] = [];
  const content = new Map<Digest, Descriptor>();
  const visit = async (fetched: Fetched): Promise<void> => {
    const document = parseJson(fetched.bytes, what);
    if (isIndexType(fetched.descriptor.mediaType))
      for (const { digest } of checkIndex(document, what).manifests)
        await visit(await source.manifest(digest));
    else {
      const { config, layers } = checkManifest(document, what);
      for (const blob of [...layers, config]) content.set(blob.digest, blob);
    }
    manifests.push(fetched);
  };
  await visit(top);
  const mountFrom = source.registry === target.registry ? source.repository : undefined;
  await uploadBlobs(target, content.values(), {
    open: (blob, at) => source.blob(blob, at),
    mountFrom: () => mountFrom,
    status,
    signal,
  });
  for (const manifest of manifests)
    await uploadManifest(target, manifest.descriptor, manifest.bytes, manifest === top ? to.tag : undefined);
  return top.descriptor;
}
