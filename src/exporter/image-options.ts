import { StagecraftError } from '../util/errors.ts';
import type { ImageOptions } from './types.ts';

/**
 * Refuses options of an image that contradict each other, as BuildKit does.
 * @param platforms of the image's parts, as they are formatted
 * @param index whether there is an index around the manifests
 * @throws StagecraftError `usage`
 */
export function checkImageOptions(
  { mediaTypes, annotations = [], ociArtifact }: ImageOptions,
  platforms: readonly string[],
  index: boolean,
): void {
  if (mediaTypes === 'docker') {
    if (ociArtifact)
      throw new StagecraftError('usage', 'Attestations as OCI artifacts need OCI media types.', {
        hint: 'Leave out oci-artifact=true or oci-mediatypes=false.',
      });
    // Nothing defines annotations for these manifests either, but they are read and written there.
    if (annotations.some(({ place }) => place !== 'manifest'))
      throw new StagecraftError('usage', 'Annotations of an index and of descriptors need OCI media types.', {
        hint: 'Leave out oci-mediatypes=false.',
      });
  }
  if (!index && annotations.some(({ place }) => place.startsWith('index')))
    throw new StagecraftError('usage', 'An image for a single platform has no index to annotate.', {
      hint: 'Use `manifest:` or `manifest-descriptor:` annotations.',
    });
  const strange = annotations.find(({ platform }) => platform !== undefined && !platforms.includes(platform));
  if (strange)
    throw new StagecraftError('usage', `There is an annotation for ${strange.platform}, which is not built.`);
}
