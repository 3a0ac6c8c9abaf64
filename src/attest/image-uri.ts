import { formatPlatform, normalizePlatform } from '../image/platform.ts';
import { familiarRepository, parseReference } from '../image/reference.ts';
import type { Platform } from '../image/types.ts';
import { purlOf } from '../sbom/purl.ts';

/**
 * A reference as a package URL, in BuildKit's form: the familiar name, with the tag as the version.
 * @param options `pinned`: a digest beside a tag is what the tag stood for, and no part of the name
 */
export function imageUri(
  type: 'docker' | 'oci',
  ref: string,
  platform: Platform | undefined,
  { pinned = false }: { pinned?: boolean } = {},
): string | undefined {
  const reference = parseReference(ref);
  const hasTag = reference.tag !== undefined;
  const repository = familiarRepository(reference);
  const parts = repository.split('/');
  return purlOf(
    type,
    {
      // Package URLs of the type oci have none: the specification wants the whole address as a qualifier.
      namespace: type === 'oci' ? undefined : parts.slice(0, -1).join('/'),
      name: parts.at(-1)!,
      version: reference.tag ?? (reference.digest === undefined ? 'latest' : ''),
    },
    {
      repository_url: type === 'oci' && parts.length > 1 ? repository : undefined,
      digest: pinned && hasTag ? undefined : reference.digest,
      platform: platform && formatPlatform(normalizePlatform(platform)),
    },
  );
}
