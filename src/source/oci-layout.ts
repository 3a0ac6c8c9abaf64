import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type BlobStore, openBlobs } from '../content/blobs.ts';
import { documentLimit, parseJson, readJson } from '../content/json.ts';
import { checkIndex, documentType } from '../image/manifest.ts';
import type { Descriptor, Index } from '../image/types.ts';
import { type Digest, isDigest } from '../util/digest.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';

/** `oci-layout://PATH[:TAG][@DIGEST]`. */
export interface LayoutReference {
  path: string;
  tag?: string;
  digest?: Digest;
}

/** An OCI image layout on disk that is not ours: it is only read, and nothing in it is believed unverified. */
export interface OpenLayout {
  /** Absolute. */
  root: string;
  blobs: BlobStore;
  /** The image or index that the reference names. */
  descriptor: Descriptor;
}

const annotations = ['io.containerd.image.name', 'org.opencontainers.image.ref.name'] as const;

/** The reference in a text; nothing where the text is of another kind. */
export function parseLayoutReference(text: string): LayoutReference | undefined {
  if (!text.startsWith('oci-layout://')) return undefined;
  let path = text.slice('oci-layout://'.length);
  const reference: Omit<LayoutReference, 'path'> = {};
  const at = path.lastIndexOf('@');
  const digest = path.slice(at + 1);
  if (at >= 0 && isDigest(digest)) {
    reference.digest = digest;
    path = path.slice(0, at);
  }
  const tag = /^(.*):([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})$/s.exec(path);
  if (tag !== null) {
    reference.tag = tag[2]!;
    path = tag[1]!;
  }
  return { path, ...reference };
}

/**
 * Finds the image that a reference names: by digest; by tag or name (`latest` unless given); or the only one there is.
 * @throws StagecraftError `not-found`, or `integrity` for a damaged layout
 */
export function openLayout(reference: LayoutReference): OpenLayout {
  const root = resolve(reference.path);
  const blobs = openBlobs(root);
  const index = readIndex(root);
  const { digest, tag = 'latest' } = reference;
  if (digest !== undefined) return { root, blobs, descriptor: describe(root, blobs, index, digest) };
  const descriptor =
    annotations
      .map(name => index.manifests.find(each => each.annotations?.[name] === tag))
      .find(each => each !== undefined) ?? (index.manifests.length === 1 ? index.manifests[0] : undefined);
  if (descriptor !== undefined) return { root, blobs, descriptor };
  const names = index.manifests.map(
    each => annotations.map(name => each.annotations?.[name]).find(Boolean) ?? each.digest,
  );
  throw new StagecraftError('not-found', `The OCI layout ${root} has no image "${tag}".`, {
    hint:
      names.length === 0
        ? 'It has none at all.'
        : `It has ${names.slice(0, 10).join(', ')}. Name one by oci-layout://PATH:TAG or oci-layout://PATH@DIGEST.`,
  });
}

/**
 * Brings layers of a layout into a store, verified; those that are there already stay as they are.
 * @throws StagecraftError `integrity` for a blob that is not what its digest says; `not-found`
 */
export async function adoptLayers(
  layout: BlobStore,
  store: BlobStore,
  layers: readonly Descriptor[],
  signal: AbortSignal,
): Promise<void> {
  for (const { digest, size } of layers) {
    signal.throwIfAborted();
    if (!store.use(digest)) await store.write(layout.stream(digest), { digest, size });
  }
}

function readIndex(root: string): Index {
  const path = join(root, 'index.json');
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES')) throw error;
    throw new StagecraftError('not-found', `There is no OCI layout ${root}: it has no index.json to read.`, {
      hint: 'Such a directory is what `-o type=oci,tar=false,dest=DIR` and `skopeo copy ... oci:DIR` write.',
      cause: error,
    });
  }
  if (bytes.length > documentLimit)
    throw new StagecraftError(
      'integrity',
      `The file ${path} has more than the ${documentLimit} bytes that are allowed.`,
    );
  return checkIndex(parseJson(bytes, `The file ${path}`), `The file ${path}`);
}

/** The descriptor of a blob that need not be in the index. */
function describe(root: string, blobs: BlobStore, index: Index, digest: Digest): Descriptor {
  const known = index.manifests.find(each => each.digest === digest);
  if (known !== undefined) return known;
  const size = blobs.size(digest);
  if (size === undefined)
    throw new StagecraftError('not-found', `The OCI layout ${root} has no image ${digest}.`);
  return { mediaType: documentType(readJson(blobs, digest)), digest, size };
}
