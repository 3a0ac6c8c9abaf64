import { renameSync, rmSync, writeFileSync } from 'node:fs';
import type { BlobStore } from '../content/blobs.ts';
import { ingestPath } from '../content/ingest.ts';
import { readJson } from '../content/json.ts';
import { checkIndex, checkManifest, isIndexType } from '../image/manifest.ts';
import {
  familiarName,
  formatReference,
  normalizeReference,
  parseReference,
  type Reference,
} from '../image/reference.ts';
import { type Descriptor, mediaTypes } from '../image/types.ts';
import { type Digest, isDigest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { blobsOf } from './blobs.ts';
import type { Store } from './store.ts';

/** One name of an image in the store. */
export interface ImageRecord {
  /** The full reference; the digest of the manifest for an image that has no name (any more). */
  name: string;
  /** Of the manifest, or of the index. */
  descriptor: Descriptor;
  /** When the name was given, in milliseconds since the epoch. */
  createdAt: number;
}

interface Row {
  name: string;
  digest: Digest;
  media_type: string;
  size: number;
  created_at: number;
}

/** True for images that nothing but their digest names: Docker shows them as `<none>`. */
export function isUntagged(record: ImageRecord): boolean {
  return record.name === record.descriptor.digest;
}

/** All images by name, the untagged ones last. */
export function listRecords(store: Store): ImageRecord[] {
  const rows = store.prepare('SELECT * FROM images ORDER BY name').all() as unknown as Row[];
  return rows.map(toRecord).sort((a, b) => Number(isUntagged(a)) - Number(isUntagged(b)));
}

/** The image that a full reference names. */
function getRecord(store: Store, name: string): ImageRecord | undefined {
  const row = store.prepare('SELECT * FROM images WHERE name = ?').get(name) as unknown as Row | undefined;
  return row && toRecord(row);
}

/**
 * Gives an image all these names, full references, in one transaction; without a name it is kept under its digest
 * until the next collection. A name that meant another image is taken from it. The blobs must be stored already, by a
 * process that holds a lease.
 * @throws StagecraftError `not-found` when the manifest is not there
 */
export function nameImage(store: Store, descriptor: Descriptor, names: readonly string[]): void {
  const blobs = blobsOf(store);
  store.transaction(() => {
    if (!blobs.use(descriptor.digest))
      throw new StagecraftError(
        'not-found',
        `The image ${descriptor.digest} is not in the store ${store.root}.`,
      );
    for (const name of names) {
      const before = getRecord(store, name);
      put(store, name, descriptor);
      if (before && before.descriptor.digest !== descriptor.digest) keepUntagged(store, before.descriptor);
    }
    if (names.length > 0) dropUntagged(store, descriptor.digest);
    else keepUntagged(store, descriptor);
    writeIndex(store);
  });
}

/** Takes names away; blobs are left to collection. Returns how many there were. */
export function dropNames(store: Store, names: readonly string[]): number {
  return store.transaction(() => {
    let dropped = 0;
    for (const name of names)
      dropped += Number(store.prepare('DELETE FROM images WHERE name = ?').run(name).changes);
    if (dropped > 0) writeIndex(store);
    return dropped;
  });
}

/**
 * The image that a person means: by reference, by digest, or by a unique beginning of its ID, which is the digest of
 * its config as in Docker, or of its manifest. The name returned is the one asked for, else any.
 * @throws StagecraftError `not-found`; `usage` when several images begin so
 */
export function findImage(store: Store, text: string): ImageRecord {
  const hex = /^(?:sha256:)?([0-9a-f]{1,64})$/.exec(text)?.[1];
  const isWhole = hex?.length === 64;
  const byName = isWhole ? undefined : findByReference(store, text);
  if (byName) return byName;
  if (hex !== undefined) {
    const found = findByHex(store, hex);
    if (found.length > 1)
      throw new StagecraftError('usage', `${found.length} images have an ID that begins with ${hex}.`, {
        hint: 'Give more of its digits.',
      });
    if (found[0]) return found[0];
  }
  throw new StagecraftError('not-found', `There is no image ${text} in the store ${store.root}.`, {
    hint: '`stagecraft images` lists those that are there, `stagecraft pull` brings one from its registry.',
  });
}

/** The image that has the name a person wrote; nothing where the text is no name, or none that was given. */
export function getNamed(store: Store, text: string): ImageRecord | undefined {
  const reference = tryParse(text);
  return reference && getRecord(store, formatReference(reference));
}

function findByReference(store: Store, text: string): ImageRecord | undefined {
  const reference = tryParse(text);
  if (reference === undefined) return undefined;
  const exact = getRecord(store, formatReference(reference));
  if (exact || reference.digest === undefined) return exact;
  const repository = `${reference.domain}/${reference.path}`;
  return listRecords(store).find(
    record =>
      record.descriptor.digest === reference.digest &&
      !isUntagged(record) &&
      /^[:@]/.test(record.name.slice(repository.length)) &&
      record.name.startsWith(repository),
  );
}

/** Nonsense such as `<none>` is only an image that is not there. */
function tryParse(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch (error) {
    if (error instanceof StagecraftError) return undefined;
    throw error;
  }
}

function findByHex(store: Store, hex: string): ImageRecord[] {
  const blobs = blobsOf(store);
  const start = `sha256:${hex}`;
  const found = new Map<Digest, ImageRecord>();
  for (const record of listRecords(store)) {
    const { digest } = record.descriptor;
    if (found.has(digest)) continue;
    if (digest.startsWith(start) || hasConfig(blobs, record.descriptor, start)) found.set(digest, record);
  }
  return [...found.values()];
}

/** Digests of the configs an image has: several for an index. Parts that are not in the store are passed over. */
export function configDigests(blobs: BlobStore, descriptor: Descriptor): Digest[] {
  if (!blobs.has(descriptor.digest)) return [];
  const document = readJson(blobs, descriptor.digest);
  const what = `The image ${descriptor.digest}`;
  if (isIndexType(descriptor.mediaType))
    return checkIndex(document, what).manifests.flatMap(manifest => configDigests(blobs, manifest));
  return [checkManifest(document, what).config.digest];
}

function hasConfig(blobs: BlobStore, descriptor: Descriptor, start: string): boolean {
  try {
    return configDigests(blobs, descriptor).some(id => id.startsWith(start));
  } catch (error) {
    // A damaged image cannot be found by its ID, but must not hide the others.
    if (error instanceof StagecraftError) return false;
    throw error;
  }
}

function put(store: Store, name: string, descriptor: Descriptor): void {
  store
    .prepare('INSERT OR REPLACE INTO images VALUES (?, ?, ?, ?, ?)')
    .run(name, descriptor.digest, descriptor.mediaType, descriptor.size, Date.now());
}

function keepUntagged(store: Store, descriptor: Descriptor): void {
  if (store.prepare('SELECT 1 FROM images WHERE digest = ?').get(descriptor.digest) === undefined)
    put(store, descriptor.digest, descriptor);
}

function dropUntagged(store: Store, digest: Digest): void {
  store.prepare('DELETE FROM images WHERE name = ?').run(digest);
}

/**
 * Writes the `index.json` of the layout (image-layout.md#indexjson-file) from the table, for other tools: each image
 * under its familiar name, as `oci:STORE:debian:bookworm` asks for it. Inside the transaction, so that both agree.
 */
export function writeIndex(store: Store): void {
  const manifests = listRecords(store).map(record => ({
    ...record.descriptor,
    annotations: {
      ...(isUntagged(record)
        ? {}
        : {
            'io.containerd.image.name': record.name,
            'org.opencontainers.image.ref.name': familiarName(record.name),
          }),
      'org.opencontainers.image.created': new Date(record.createdAt).toISOString(),
    },
  }));
  const temporary = ingestPath(store.root, 'index');
  try {
    writeFileSync(
      temporary,
      `${JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests })}\n`,
    );
    renameSync(temporary, store.path('index.json'));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new StagecraftError(
      'io',
      `Cannot write into the store ${store.root}: ${(error as Error).message}.`,
      {
        cause: error,
      },
    );
  }
}

/**
 * `stagecraft tag`: gives an image one more name.
 * @throws StagecraftError `not-found` without such an image; `usage` for a name that is none
 */
export function tagImage(store: Store, source: string, target: string): ImageRecord {
  const name = checkNewName(target);
  const { descriptor } = findImage(store, source);
  nameImage(store, descriptor, [name]);
  return getRecord(store, name)!;
}

/** The full form of a name to give to an image. @throws StagecraftError `usage` where it is none, or has a digest */
export function checkNewName(text: string): string {
  if (parseReference(text).digest !== undefined)
    throw new StagecraftError('usage', `An image cannot be named ${text}: a name to give has no digest.`);
  return normalizeReference(text);
}

function toRecord(row: Row): ImageRecord {
  if (!isDigest(row.digest))
    throw new StagecraftError('integrity', `The image ${row.name} has no valid digest.`);
  return {
    name: row.name,
    descriptor: { mediaType: row.media_type, digest: row.digest, size: row.size },
    createdAt: row.created_at,
  };
}
