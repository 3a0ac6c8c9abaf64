import { type BlobStore, openBlobs } from '../content/blobs.ts';
import { readJson } from '../content/json.ts';
import { checkIndex, checkManifest, isIndexType, isManifestType } from '../image/manifest.ts';
import { hostPlatform, selectPlatform } from '../image/platform.ts';
import { familiarName, parseName } from '../image/reference.ts';
import { type Descriptor, mediaTypes } from '../image/types.ts';
import { type TarItem, writeTar } from '../tar/writer.ts';
import { type Digest, digestHex } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';

/** An image of the store, and the full references under which an archive or layout has it. */
export interface NamedImage {
  descriptor: Descriptor;
  names: readonly string[];
  /** RFC 3339, for the annotation in the index. */
  created?: string | undefined;
}

/** `oci`: an image layout; `docker`: one that `docker load` reads too, by its `manifest.json`. */
export type ArchiveFormat = 'oci' | 'docker';

/**
 * Images as a tar archive. The same images give the same bytes. Blobs are verified while they are copied.
 * @param without blobs that the reader has already
 * @throws StagecraftError `not-found` for a part that is not in the store; `usage` for what Docker's format cannot hold
 */
export function writeArchive(
  root: string,
  images: readonly NamedImage[],
  format: ArchiveFormat,
  without: ReadonlySet<Digest> = new Set(),
): AsyncIterable<Uint8Array> {
  const blobs = openBlobs(root);
  const parts = images
    .flatMap(({ descriptor }) => collectBlobs(blobs, descriptor))
    .filter(({ digest }) => !without.has(digest));
  const documents = new Map<string, string>([
    ['index.json', JSON.stringify(indexOf(images))],
    ['oci-layout', '{"imageLayoutVersion":"1.0.0"}'],
  ]);
  if (format === 'docker')
    documents.set('manifest.json', JSON.stringify(images.map(image => dockerEntry(blobs, image))));
  return writeTar(items(blobs, parts, documents));
}

function* items(
  blobs: BlobStore,
  parts: readonly Descriptor[],
  documents: ReadonlyMap<string, string>,
): Generator<TarItem> {
  for (const name of ['blobs', 'blobs/sha256']) yield { header: { name, type: 'directory', mode: 0o755 } };
  const sizes = new Map(parts.map(part => [digestHex(part.digest), part]));
  for (const [hex, { digest, size }] of [...sizes].sort(([a], [b]) => (a < b ? -1 : 1)))
    yield {
      header: { name: `blobs/sha256/${hex}`, type: 'file', mode: 0o444, size },
      content: blobs.stream(digest, { verify: true }),
    };
  for (const [name, text] of [...documents].sort(([a], [b]) => (a < b ? -1 : 1)))
    yield {
      header: { name, type: 'file', mode: 0o444, size: Buffer.byteLength(text) },
      content: Buffer.from(text),
    };
}

/**
 * Everything an image consists of, itself included. Of an index, the parts for other platforms that are not in the
 * store are left out.
 * @throws StagecraftError `not-found` naming a blob that is missing
 */
export function collectBlobs(blobs: BlobStore, descriptor: Descriptor): Descriptor[] {
  const { digest, mediaType } = descriptor;
  const what = `The image ${digest}`;
  if (isIndexType(mediaType)) {
    const present = checkIndex(readJson(blobs, digest), what).manifests.filter(entry =>
      blobs.has(entry.digest),
    );
    return [descriptor, ...present.flatMap(entry => collectBlobs(blobs, entry))];
  }
  if (!isManifestType(mediaType)) return [descriptor];
  const { config, layers } = checkManifest(readJson(blobs, digest), what);
  const parts = [descriptor, config, ...layers];
  for (const part of parts) {
    const size = blobs.size(part.digest);
    if (size === undefined)
      throw new StagecraftError(
        'not-found',
        `The blob ${part.digest} of image ${digest} is not in the store.`,
      );
    if (size !== part.size)
      throw new StagecraftError(
        'integrity',
        `The blob ${part.digest} of image ${digest} has ${size} bytes where ${part.size} were expected.`,
      );
  }
  return parts;
}

/** The `index.json` of a layout with these images, as containerd writes it: full name and tag as annotations. */
export function indexOf(images: readonly NamedImage[]): {
  schemaVersion: 2;
  mediaType: string;
  manifests: Descriptor[];
} {
  const manifests = images.flatMap(({ descriptor, names, created }) => {
    const base = {
      ...descriptor.annotations,
      ...(created && { 'org.opencontainers.image.created': created }),
    };
    const named = names.map(name => ({
      'io.containerd.image.name': name,
      ...base,
      'org.opencontainers.image.ref.name': parseName(name).tag ?? name,
    }));
    return (named.length > 0 ? named : [base]).map(annotations => ({
      ...descriptor,
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    }));
  });
  return { schemaVersion: 2, mediaType: mediaTypes.index, manifests };
}

/** One image in Docker's `manifest.json`. */
function dockerEntry(blobs: BlobStore, { descriptor, names }: NamedImage): object {
  const manifest = readSingle(blobs, descriptor);
  const path = ({ digest }: Descriptor): string => `blobs/sha256/${digestHex(digest)}`;
  return {
    Config: path(manifest.config),
    RepoTags: names.map(familiarName),
    Layers: manifest.layers.map(path),
  };
}

/** Docker's format has one manifest an image: of an index, that for this machine. */
function readSingle(blobs: BlobStore, descriptor: Descriptor): ReturnType<typeof checkManifest> {
  const what = `The image ${descriptor.digest}`;
  if (!isIndexType(descriptor.mediaType)) return checkManifest(readJson(blobs, descriptor.digest), what);
  const entries = checkIndex(readJson(blobs, descriptor.digest), what).manifests.filter(
    entry => entry.platform && entry.platform.os !== 'unknown' && blobs.has(entry.digest),
  );
  const chosen = selectPlatform(hostPlatform(), entries, entry => entry.platform!) ?? entries[0];
  if (!chosen)
    throw new StagecraftError('usage', `${what} has no part that Docker's archive format can hold.`, {
      hint: 'Use the OCI format.',
    });
  return readSingle(blobs, chosen);
}
