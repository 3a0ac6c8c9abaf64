import {
  type Attestation,
  type Attested,
  type Statement,
  type Subject,
  statementOf,
} from '../attest/types.ts';
import { putJson } from '../content/json.ts';
import { familiarName } from '../image/reference.ts';
import { type Descriptor, mediaTypes, type Platform } from '../image/types.ts';
import type { Digest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { isForEngine } from './outputs.ts';
import type { BuildOutcome, ExportServices, Output } from './types.ts';

const payloadType = 'application/vnd.in-toto+json';
const artifactType = 'application/vnd.docker.attestation.manifest.v1+json';
/** OCI image specification, manifest.md#guidance-for-an-empty-descriptor. */
const emptyType = 'application/vnd.oci.empty.v1+json';

/** An image's manifest that has attestations. */
export interface AttestedManifest extends Omit<Attested, 'names'> {
  readonly descriptor: Descriptor;
  readonly platform: Platform;
  readonly attestations: readonly Attestation[];
}

/**
 * Puts statements of an image into the store, with the manifest that an index lists beside the image's:
 * BuildKit's docs/attestations/attestation-storage.md.
 * @param names full references
 * @param asArtifact an OCI artifact; else an image with a config, for registries that know no others
 */
export async function commitAttestations(
  { blobs }: ExportServices,
  image: AttestedManifest,
  names: readonly string[],
  asArtifact: boolean,
): Promise<Descriptor> {
  const { digest, size, mediaType } = image.descriptor;
  const sha256 = digest.slice('sha256:'.length);
  // Whoever checks a statement looks for the digest: an image without a name has one too.
  const { imageUri } = await import('../attest/image-uri.ts');
  const uris = names.flatMap(name => imageUri('docker', name, image.platform) ?? []);
  const subjects = (uris.length > 0 ? uris : ['_']).map((name): Subject => ({ name, digest: { sha256 } }));
  const layers: Descriptor[] = [];
  for (const attestation of image.attestations) {
    const attested = { ...image, names: names.map(familiarName), digest };
    const statement = await statementOf(attestation, subjects, attested);
    layers.push({
      mediaType: payloadType,
      ...blobs.put(JSON.stringify(statement)),
      annotations: { 'in-toto.io/predicate-type': attestation.predicateType },
    });
  }
  const config = asArtifact
    ? { mediaType: emptyType, ...blobs.put('{}'), data: 'e30=' }
    : { mediaType: mediaTypes.config, ...blobs.put(JSON.stringify(legacyConfig(layers))) };
  const manifest = putJson(blobs, {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    ...(asArtifact && { artifactType }),
    config,
    layers,
    ...(asArtifact && { subject: { mediaType, digest, size } }),
  });
  return {
    mediaType: mediaTypes.manifest,
    ...manifest,
    annotations: {
      'vnd.docker.reference.digest': digest,
      'vnd.docker.reference.type': 'attestation-manifest',
    },
    platform: { architecture: 'unknown', os: 'unknown' },
  };
}

function legacyConfig(layers: readonly Descriptor[]): object {
  return {
    architecture: 'unknown',
    os: 'unknown',
    config: {},
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }): Digest => digest) },
  };
}

/** The outcome with those attestations alone that an output of images takes. */
export function forImage(outcome: BuildOutcome, output: Output): BuildOutcome {
  return {
    ...outcome,
    results: outcome.results.map(result => ({
      ...result,
      attestations: result.attestations?.filter(each => takesAttestation(output, each, outcome.index)) ?? [],
    })),
  };
}

/** Whether an output of images takes an attestation. @param index true where the image is an index of platforms */
export function takesAttestation(
  output: Output,
  { inlineOnly }: Pick<Attestation, 'inlineOnly'>,
  index: boolean,
): boolean {
  const inline = output.attestationInline ?? (output.type === 'image' || output.type === 'registry');
  return !inlineOnly || (output.type !== 'docker' && (inline || index));
}

/** True where at least one result has an attestation. */
export function isAttested({ results }: BuildOutcome): boolean {
  return results.some(({ attestations = [] }) => attestations.length > 0);
}

/**
 * Refuses attestations where the output cannot hold them.
 * @param attestations that are asked for
 * @throws StagecraftError `usage`
 */
export function checkAttestable(
  output: Output,
  attestations: readonly Pick<Attestation, 'inlineOnly'>[],
): void {
  if (attestations.every(({ inlineOnly }) => inlineOnly)) return;
  if (output.type === 'docker')
    throw new StagecraftError('usage', "Docker's archive format cannot hold attestations.", {
      hint: `Leave out --provenance, --sbom and --attest, or add inline-only=true to them for other outputs alone.${
        isForEngine(output) ? " An engine with containerd's image store takes them." : ''
      }`,
    });
  const makesImage = ['image', 'registry', 'oci'].includes(output.type);
  if (makesImage && output.image.mediaTypes === 'docker')
    throw new StagecraftError('usage', 'Attestations need OCI media types.', {
      hint: 'Leave out oci-mediatypes=false.',
    });
}

/** A statement as the content of a file. */
export function statementText(statement: Statement): Buffer {
  return Buffer.from(JSON.stringify(statement, null, 2));
}
