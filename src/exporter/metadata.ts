import type { CommittedImage } from './types.ts';

/**
 * The content of `--metadata-file` for an image, as `docker buildx build` writes it.
 * @param names full references
 */
export function imageMetadata(
  image: CommittedImage,
  names: readonly string[],
  created?: string,
): Record<string, unknown> {
  const { descriptor, configDigest } = image;
  const annotations = {
    ...descriptor.annotations,
    ...(created && { 'org.opencontainers.image.created': created }),
  };
  return {
    ...(configDigest && { 'containerimage.config.digest': configDigest }),
    'containerimage.descriptor': {
      mediaType: descriptor.mediaType,
      digest: descriptor.digest,
      size: descriptor.size,
      ...(Object.keys(annotations).length > 0 && { annotations }),
      ...(descriptor.platform && { platform: descriptor.platform }),
    },
    'containerimage.digest': descriptor.digest,
    ...(names.length > 0 && { 'image.name': names.join(',') }),
  };
}

/** The text of a metadata file: keys in order, as Go writes maps. */
export function formatMetadata(metadata: Record<string, unknown>): string {
  const sorted = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(Object.fromEntries(sorted), null, 2);
}

/** The content of `--iidfile`: the digest of the config, which is Docker's image ID; of the index for several platforms. */
export function imageId(image: CommittedImage): string {
  return image.configDigest ?? image.descriptor.digest;
}
