import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BlobStore, openBlobs } from '../../content/blobs.ts';
import { documentLimit, parseJson, readJson } from '../../content/json.ts';
import { checkIndex, checkManifest, isIndexType, isManifestType } from '../../image/manifest.ts';
import { type Descriptor, mediaTypes } from '../../image/types.ts';
import { type Digest, digestHex } from '../../util/digest.ts';
import { makeDirectories } from '../../util/directories.ts';
import { StagecraftError } from '../../util/errors.ts';
import { forEachAtOnce } from '../../util/parallel.ts';
import { type CacheSource, type ManifestForm, writeManifest } from '../manifest.ts';
import type { CacheTarget } from '../target.ts';

const tagKey = 'org.opencontainers.image.ref.name';
const nameKey = 'io.containerd.image.name';
/** Files written at once: one is being read or hashed while another is written. */
const atOnce = 2;

/** A cache in a directory, an OCI image layout (image-layout.md), by its tag or its digest. */
export function directorySource(directory: string, tag: string, digest?: Digest): CacheSource {
  const blobs = openBlobs(directory);
  return {
    async manifest(wanted = digest) {
      return blobs.read(wanted ?? findTag(directory, tag), documentLimit);
    },
    read: (descriptor, from) => {
      if (!blobs.has(descriptor.digest))
        throw new StagecraftError('not-found', `The cache ${directory} has no blob ${descriptor.digest}.`);
      return blobs.stream(descriptor.digest, { from });
    },
  };
}

function findTag(directory: string, tag: string): Digest {
  const entries = readIndex(directory);
  if (entries === undefined)
    throw new StagecraftError('not-found', `There is no cache in the directory ${directory}.`);
  const found =
    entries.find(({ annotations }) => annotations?.[nameKey] === tag) ??
    entries.find(({ annotations }) => annotations?.[tagKey] === tag);
  if (found !== undefined) return found.digest;
  throw new StagecraftError('not-found', `The directory ${directory} has no cache with the tag ${tag}.`);
}

/** Where a cache is written into a directory. */
export interface DirectoryOptions extends ManifestForm {
  readonly tag: string;
  /** Removes blobs that no manifest of the directory names any more. */
  readonly reset: boolean;
}

/** Writes a cache into a directory, beside those with other tags; its index comes last. */
export function directoryTarget(directory: string, options: DirectoryOptions): CacheTarget {
  for (const part of ['blobs/sha256', 'ingest']) makeDirectories(join(directory, part));
  const blobs = openBlobs(directory);
  return {
    has: async ({ digest, size }) => blobs.size(digest) === size,
    async sendLayers(layers, status) {
      await forEachAtOnce(layers, atOnce, async ({ descriptor, read }) => {
        const { digest, size } = descriptor;
        if (blobs.size(digest) !== size) await blobs.write(read(0), { digest, size });
        status(digest, size, size);
      });
    },
    async finish(config, layers) {
      const documents = writeManifest(config, layers, options);
      blobs.put(documents.config.bytes);
      blobs.put(documents.manifest.bytes);
      const { descriptor } = documents.manifest;
      const kept = (readIndex(directory) ?? []).filter(
        ({ annotations }) => annotations?.[tagKey] !== options.tag,
      );
      const entry = { ...descriptor, annotations: { [tagKey]: options.tag } };
      const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [...kept, entry] };
      writeWhole(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
      writeWhole(join(directory, 'index.json'), JSON.stringify(index));
      if (options.reset) removeOthers(directory, blobs, index.manifests);
      rmSync(join(directory, 'ingest'), { recursive: true, force: true });
      return descriptor;
    },
  };
}

function readIndex(directory: string): Descriptor[] | undefined {
  const path = join(directory, 'index.json');
  if (!existsSync(path)) return undefined;
  const what = `The file ${path}`;
  return checkIndex(parseJson(readFileSync(path), what), what).manifests;
}

function writeWhole(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, text);
  renameSync(temporary, path);
}

function removeOthers(directory: string, blobs: BlobStore, roots: readonly Descriptor[]): void {
  const named = new Set<string>();
  const visit = ({ digest, mediaType }: Descriptor): void => {
    named.add(digestHex(digest));
    if (!blobs.has(digest)) return;
    const what = `The manifest ${digest}`;
    if (isIndexType(mediaType)) checkIndex(readJson(blobs, digest), what).manifests.forEach(visit);
    else if (isManifestType(mediaType)) {
      const { config, layers } = checkManifest(readJson(blobs, digest), what);
      for (const blob of [config, ...layers]) named.add(digestHex(blob.digest));
    }
  };
  roots.forEach(visit);
  const place = join(directory, 'blobs', 'sha256');
  for (const name of readdirSync(place)) if (!named.has(name)) rmSync(join(place, name), { force: true });
}
