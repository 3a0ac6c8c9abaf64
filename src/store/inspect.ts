import type { BlobStore } from '../content/blobs.ts';
import { readJson } from '../content/json.ts';
import { checkConfig, checkIndex, checkManifest, configPlatform, isIndexType } from '../image/manifest.ts';
import { formatPlatform, hostPlatform, selectPlatform } from '../image/platform.ts';
import { familiarName, familiarRepository, parseName } from '../image/reference.ts';
import type { Descriptor, ImageConfig, Manifest, Platform } from '../image/types.ts';
import type { Digest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { blobsOf } from './blobs.ts';
import { findImage, type ImageRecord, isUntagged, listRecords } from './images.ts';
import { addStatements, type Stated } from './statements.ts';
import type { Store } from './store.ts';

/** An image for one platform, read and checked. */
export interface ReadImage {
  /** Of the manifest. */
  descriptor: Descriptor;
  manifest: Manifest;
  config: ImageConfig;
  platform: Platform;
}

/** One line of `stagecraft images`. */
export interface ImageSummary {
  /** As in Docker: the digest of the config; of the index for an image of several platforms. */
  id: Digest;
  /** The familiar name, or nothing for an untagged image. */
  name?: string;
  repository?: string;
  tag?: string;
  /** Of the manifest or index. */
  digest: Digest;
  /** When the image was made, RFC 3339; absent where its config does not say. */
  created?: string;
  /** Bytes of all layers, unpacked where known, else as stored. */
  size: number;
  /** Bytes of all blobs as stored; what a registry would transfer. */
  storedSize: number;
  platforms: string[];
  layers: number;
  /** Why the image cannot be read, where that is so: a part is missing or damaged. */
  problem?: string;
}

/** One line of `stagecraft history`, newest first. */
export interface HistoryLine {
  created?: string;
  createdBy: string;
  comment: string;
  isEmpty: boolean;
  /** The blob of the layer, if the step made one. */
  digest?: Digest;
  diffId?: Digest;
  /** Bytes, unpacked where known, else as stored. */
  size: number;
}

/** `docker image inspect`'s shape, as far as it has a meaning here. */
export interface ImageInspection extends Stated {
  Id: Digest;
  RepoTags: string[];
  RepoDigests: string[];
  Created?: string;
  Author: string;
  Architecture: string;
  Variant?: string;
  Os: string;
  Size: number;
  Config: NonNullable<ImageConfig['config']>;
  RootFS: { Type: 'layers'; Layers: Digest[] };
  Descriptor: Descriptor;
}

/**
 * The image for one platform behind a manifest or index.
 * @throws StagecraftError `not-found` where no part serves the platform or a blob is missing; `integrity`
 */
export function readImage(
  blobs: BlobStore,
  descriptor: Descriptor,
  platform: Platform = hostPlatform(),
): ReadImage {
  const what = `The image ${descriptor.digest}`;
  const document = readJson(blobs, descriptor.digest);
  if (isIndexType(descriptor.mediaType)) {
    const candidates = platformManifests(blobs, checkIndex(document, what).manifests);
    const chosen = selectPlatform(platform, candidates, candidate => candidate.platform);
    if (chosen) return readImage(blobs, chosen.descriptor, platform);
    const offered = candidates.map(candidate => formatPlatform(candidate.platform)).join(', ');
    throw new StagecraftError(
      'not-found',
      `${what} has no part for ${formatPlatform(platform)}; it has ${offered || 'none that is in the store'}.`,
    );
  }
  const manifest = checkManifest(document, what);
  const config = checkConfig(
    readJson(blobs, manifest.config.digest),
    `The config of image ${descriptor.digest}`,
  );
  if (config.rootfs.diff_ids.length !== manifest.layers.length)
    throw new StagecraftError(
      'integrity',
      `${what} has ${manifest.layers.length} layers, but its config counts ${config.rootfs.diff_ids.length}.`,
    );
  return { descriptor, manifest, config, platform: configPlatform(config) };
}

/** The manifests of an index that are in the store and are images, not attestations of one. */
function platformManifests(
  blobs: BlobStore,
  entries: Descriptor[],
): { descriptor: Descriptor; platform: Platform }[] {
  const found: { descriptor: Descriptor; platform: Platform }[] = [];
  for (const descriptor of entries) {
    if (descriptor.platform?.os === 'unknown' || !blobs.has(descriptor.digest)) continue;
    if (descriptor.platform) found.push({ descriptor, platform: descriptor.platform });
    else if (isIndexType(descriptor.mediaType)) {
      const nested = checkIndex(readJson(blobs, descriptor.digest), `The index ${descriptor.digest}`);
      found.push(...platformManifests(blobs, nested.manifests));
    } else found.push({ descriptor, platform: readImage(blobs, descriptor).platform });
  }
  return found;
}

/** All parts of an image that are in the store. */
export function readParts(blobs: BlobStore, descriptor: Descriptor): ReadImage[] {
  if (!isIndexType(descriptor.mediaType)) return [readImage(blobs, descriptor)];
  const index = checkIndex(readJson(blobs, descriptor.digest), `The image ${descriptor.digest}`);
  return platformManifests(blobs, index.manifests).map(part =>
    readImage(blobs, part.descriptor, part.platform),
  );
}

/** All images of the store, newest first. */
export function listImages(store: Store): ImageSummary[] {
  const blobs = blobsOf(store);
  const summaries = listRecords(store).map(record => summarize(store, blobs, record));
  return summaries.sort((a, b) => (b.created ?? '').localeCompare(a.created ?? ''));
}

function summarize(store: Store, blobs: BlobStore, record: ImageRecord): ImageSummary {
  const { descriptor } = record;
  let parts: ReadImage[] = [];
  let problem: string | undefined;
  try {
    parts = readParts(blobs, descriptor);
  } catch (error) {
    if (!(error instanceof StagecraftError)) throw error;
    problem = error.message;
  }
  const isIndex = isIndexType(descriptor.mediaType);
  const main = chooseShown(parts);
  return {
    id: isIndex || main === undefined ? descriptor.digest : main.manifest.config.digest,
    ...namesOf(record),
    digest: descriptor.digest,
    ...(main?.config.created ? { created: main.config.created } : {}),
    size: sum(parts.flatMap(part => part.manifest.layers.map(layer => layerSize(store, layer)))),
    storedSize: storedSize(parts) + (isIndex ? descriptor.size : 0),
    platforms: parts.map(part => formatPlatform(part.platform)),
    layers: main?.manifest.layers.length ?? 0,
    ...(problem === undefined ? {} : { problem }),
  };
}

/** What to tell of an image of several platforms: this machine's part, else the first. */
function chooseShown(parts: readonly ReadImage[]): ReadImage | undefined {
  return selectPlatform(hostPlatform(), parts, part => part.platform) ?? parts[0];
}

/** The part to tell of where nobody asked for a platform; else that platform's. @throws as {@link readImage} */
function readShown(blobs: BlobStore, descriptor: Descriptor, platform?: Platform): ReadImage {
  const shown = platform === undefined ? chooseShown(readParts(blobs, descriptor)) : undefined;
  return shown ?? readImage(blobs, descriptor, platform);
}

function namesOf(record: ImageRecord): { name?: string; repository?: string; tag?: string } {
  if (isUntagged(record)) return {};
  const reference = parseName(record.name);
  return {
    name: familiarName(record.name),
    repository: familiarRepository(reference),
    ...(reference.tag === undefined ? {} : { tag: reference.tag }),
  };
}

/** Bytes of the different blobs of an image. */
function storedSize(parts: ReadImage[]): number {
  const sizes = new Map<Digest, number>();
  for (const { descriptor, manifest } of parts)
    for (const blob of [descriptor, manifest.config, ...manifest.layers]) sizes.set(blob.digest, blob.size);
  return sum([...sizes.values()]);
}

function layerSize(store: Store, layer: Descriptor): number {
  const row = store.prepare('SELECT unpacked_size FROM blob_contents WHERE digest = ?').get(layer.digest);
  return (row as { unpacked_size: number } | undefined)?.unpacked_size ?? layer.size;
}

/** Everything about one image, for `stagecraft inspect`. @throws StagecraftError as {@link findImage} and {@link readImage} */
export function inspectImage(store: Store, text: string, platform?: Platform): ImageInspection {
  const blobs = blobsOf(store);
  const record = findImage(store, text);
  const { descriptor, config, manifest } = readShown(blobs, record.descriptor, platform);
  const names = listRecords(store)
    .filter(other => other.descriptor.digest === record.descriptor.digest && !isUntagged(other))
    .map(other => familiarName(other.name));
  const repositories = new Set(names.map(name => familiarRepository(parseName(name))));
  const inspection: ImageInspection = {
    Id: isIndexType(record.descriptor.mediaType) ? record.descriptor.digest : manifest.config.digest,
    RepoTags: names.filter(name => parseName(name).tag !== undefined),
    RepoDigests: [...repositories].map(repository => `${repository}@${record.descriptor.digest}`),
    ...(config.created ? { Created: config.created } : {}),
    Author: config.author ?? '',
    Architecture: config.architecture,
    ...(config.variant ? { Variant: config.variant } : {}),
    Os: config.os,
    Size: sum(manifest.layers.map(layer => layerSize(store, layer))),
    Config: config.config ?? {},
    RootFS: { Type: 'layers', Layers: config.rootfs.diff_ids },
    Descriptor: record.descriptor,
  };
  addStatements(inspection, blobs, record.descriptor, descriptor.digest);
  return inspection;
}

/** The steps that made an image, newest first, for `stagecraft history`. @throws as {@link inspectImage} */
export function imageHistory(store: Store, text: string, platform?: Platform): HistoryLine[] {
  const blobs = blobsOf(store);
  const { config, manifest } = readShown(blobs, findImage(store, text).descriptor, platform);
  let next = 0;
  const lines = (config.history ?? []).map((entry): HistoryLine => {
    const index = entry.empty_layer || next >= manifest.layers.length ? undefined : next++;
    const layer = index === undefined ? undefined : manifest.layers[index]!;
    return {
      ...(entry.created ? { created: entry.created } : {}),
      createdBy: entry.created_by ?? '',
      comment: entry.comment ?? '',
      isEmpty: layer === undefined,
      ...(layer ? { digest: layer.digest, diffId: config.rootfs.diff_ids[index!]! } : {}),
      size: layer ? layerSize(store, layer) : 0,
    };
  });
  // Layers that no entry tells of: images of other tools may have no history at all.
  for (; next < manifest.layers.length; next += 1) {
    const layer = manifest.layers[next]!;
    const diffId = config.rootfs.diff_ids[next]!;
    lines.push({
      createdBy: '',
      comment: '',
      isEmpty: false,
      digest: layer.digest,
      diffId,
      size: layerSize(store, layer),
    });
  }
  return lines.reverse();
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
