import { type Digest, isDigest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { findWrongField, withoutNulls } from './container-config.ts';
import {
  type Descriptor,
  type ImageConfig,
  type Index,
  type Manifest,
  mediaTypes,
  type Platform,
} from './types.ts';

/** True for OCI image manifests and Docker's schema 2. */
export function isManifestType(mediaType: string): boolean {
  return mediaType === mediaTypes.manifest || mediaType === mediaTypes.dockerManifest;
}

/** True for OCI image indexes and Docker's manifest lists. */
export function isIndexType(mediaType: string): boolean {
  return mediaType === mediaTypes.index || mediaType === mediaTypes.dockerManifestList;
}

/** The OCI media type of a layer that may have Docker's; others as they are. */
export function ociLayerType(mediaType: string): string {
  switch (mediaType) {
    case mediaTypes.dockerLayer:
      return mediaTypes.layer;
    case mediaTypes.dockerLayerGzip:
      return mediaTypes.layerGzip;
    case mediaTypes.dockerLayerZstd:
      return mediaTypes.layerZstd;
    default:
      return mediaType;
  }
}

/** The media type a document gives itself; what the shape says where it gives none. */
export function documentType(document: Record<string, unknown>): string {
  if (typeof document.mediaType === 'string' && document.mediaType !== '') return document.mediaType;
  return Array.isArray(document.manifests) ? mediaTypes.index : mediaTypes.manifest;
}

/** Checks an image manifest of others. `what` begins the sentence of the error. @throws StagecraftError `integrity` */
export function checkManifest(document: Record<string, unknown>, what: string): Manifest {
  const mediaType = documentType(document);
  if (document.schemaVersion === 1)
    throw new StagecraftError(
      'unsupported',
      `${what} is a manifest of Docker's schema 1, which is obsolete.`,
      {
        hint: 'Push the image again with a current tool.',
      },
    );
  if (document.schemaVersion !== 2 || !isManifestType(mediaType))
    throw bad(what, `is not an image manifest (its media type is ${mediaType})`);
  // A document that a registry or scanner would read as one kind and this code as the other is an attack.
  if ('manifests' in document || 'fsLayers' in document)
    throw bad(what, 'is a manifest and an index at once');
  const layers = document.layers ?? [];
  if (!Array.isArray(layers)) throw bad(what, 'has a list of layers that is not a list');
  return {
    ...(document as unknown as Manifest),
    mediaType,
    config: checkDescriptor(document.config, `${what}, config`),
    layers: layers.map((layer, index) => checkDescriptor(layer, `${what}, layer ${index + 1}`)),
  };
}

/** Checks an image index of others. @throws StagecraftError `integrity` */
export function checkIndex(document: Record<string, unknown>, what: string): Index {
  const mediaType = documentType(document);
  if (document.schemaVersion !== 2 || !isIndexType(mediaType))
    throw bad(what, `is not an image index (its media type is ${mediaType})`);
  if ('layers' in document || 'config' in document) throw bad(what, 'is an index and a manifest at once');
  const manifests = document.manifests ?? [];
  if (!Array.isArray(manifests)) throw bad(what, 'has a list of manifests that is not a list');
  return {
    ...(document as unknown as Index),
    mediaType,
    manifests: manifests.map((entry, index) => checkDescriptor(entry, `${what}, entry ${index + 1}`)),
  };
}

/** The entries of an index that state something of one of its images: BuildKit's attestation-storage.md. */
export function attestationsIn(index: Index, image: Digest): Descriptor[] {
  return index.manifests.filter(
    ({ annotations }) =>
      annotations?.['vnd.docker.reference.type'] === 'attestation-manifest' &&
      annotations['vnd.docker.reference.digest'] === image,
  );
}

/** Checks an image config of others. @throws StagecraftError `integrity` */
export function checkConfig(document: Record<string, unknown>, what: string): ImageConfig {
  const rootfs = document.rootfs as Record<string, unknown> | undefined;
  const diffIds = rootfs?.diff_ids ?? [];
  if (!Array.isArray(diffIds) || !diffIds.every(id => typeof id === 'string' && isDigest(id)))
    throw bad(what, 'has no list of SHA-256 layer digests in rootfs.diff_ids');
  const wrong = findWrongField(document);
  if (wrong !== undefined) throw bad(what, `has something in its field ${wrong} that does not belong there`);
  if (typeof document.os !== 'string' || typeof document.architecture !== 'string')
    throw bad(what, 'does not say its os and architecture');
  const { history, config, ...rest } = withoutNulls(document as unknown as ImageConfig);
  return {
    ...rest,
    ...(history ? { history: history.filter(entry => entry !== null).map(withoutNulls) } : {}),
    ...(config ? { config: withoutNulls(config) } : {}),
    rootfs: { type: 'layers', diff_ids: diffIds as Digest[] },
  };
}

/** The platform that a config says. */
export function configPlatform(config: ImageConfig): Platform {
  // In the order in which Go writes them: an index is told by its digest.
  return {
    architecture: config.architecture,
    os: config.os,
    ...(config['os.version'] ? { 'os.version': config['os.version'] } : {}),
    ...(config['os.features'] ? { 'os.features': config['os.features'] } : {}),
    ...(config.variant ? { variant: config.variant } : {}),
  };
}

function checkDescriptor(value: unknown, what: string): Descriptor {
  if (typeof value !== 'object' || value === null) throw bad(what, 'is not a descriptor');
  const { mediaType, digest, size } = value as Record<string, unknown>;
  if (typeof mediaType !== 'string') throw bad(what, 'has no media type');
  if (typeof digest !== 'string' || !isDigest(digest)) throw bad(what, `has no SHA-256 digest`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw bad(what, 'has no valid size');
  return value as unknown as Descriptor;
}

function bad(what: string, problem: string): StagecraftError {
  return new StagecraftError('integrity', `${what} ${problem}.`);
}
