import type { BlobStore } from '../content/blobs.ts';
import { readJson } from '../content/json.ts';
import { attestationsIn, checkIndex, checkManifest, isIndexType } from '../image/manifest.ts';
import type { Descriptor } from '../image/types.ts';
import type { Digest } from '../util/digest.ts';

/** What an image's index states of it. */
export interface Stated {
  /** The statements that are in the store, where there are any. */
  Attestations?: { PredicateType: string; Digest: Digest; Size: number }[];
  /** What they say, by the names of `docker buildx imagetools inspect`; JSON of the whole is without them. */
  readonly Provenance?: { SLSA: unknown };
  readonly SBOM?: { SPDX: unknown };
}

/** Adds what an index states of one of its images, read when it is looked at. */
export function addStatements(told: Stated, blobs: BlobStore, index: Descriptor, image: Digest): void {
  const statements = listStatements(blobs, index, image);
  if (statements.length === 0) return;
  told.Attestations = statements.map(({ type, blob }) => ({
    PredicateType: type,
    Digest: blob.digest,
    Size: blob.size,
  }));
  const define = (name: 'Provenance' | 'SBOM', field: string, pattern: RegExp): void => {
    const found = statements.find(({ type }) => pattern.test(type));
    if (!found) return;
    const get = (): object => ({ [field]: readJson(blobs, found.blob.digest).predicate });
    Object.defineProperty(told, name, { get, enumerable: false });
  };
  define('Provenance', 'SLSA', /^https:\/\/slsa\.dev\/provenance\//);
  define('SBOM', 'SPDX', /^https:\/\/spdx\.dev\/Document/);
}

function listStatements(
  blobs: BlobStore,
  index: Descriptor,
  image: Digest,
): { type: string; blob: Descriptor }[] {
  if (!isIndexType(index.mediaType)) return [];
  const what = `The image ${index.digest}`;
  return attestationsIn(checkIndex(readJson(blobs, index.digest), what), image)
    .filter(({ digest }) => blobs.has(digest))
    .flatMap(({ digest }) => checkManifest(readJson(blobs, digest), `The attestation ${digest}`).layers)
    .filter(({ digest }) => blobs.has(digest))
    .map(blob => ({ type: blob.annotations?.['in-toto.io/predicate-type'] ?? '', blob }));
}
