import { lstatSync } from 'node:fs';
import { familiarName } from '../image/reference.ts';
import type { Descriptor } from '../image/types.ts';
import type { Digest } from '../util/digest.ts';
import { digestHex } from '../util/digest.ts';
import { blobsOf } from './blobs.ts';
import { entries } from './entries.ts';
import { isUntagged, listRecords } from './images.ts';
import { layersOfOutputs, referencesOf } from './reachable.ts';
import type { Store } from './store.ts';

/** The kinds of things that something in the store is kept for. */
export const ownerTypes = [
  'image',
  'base',
  'unpacked',
  'step',
  'cache-mount',
  'package',
  'download',
  'repository',
  'checkout',
  'context',
  'index',
] as const;

export type OwnerType = (typeof ownerTypes)[number];

/** Something that keeps files in the store: an image, a cached step, a cache mount... Times are epoch milliseconds. */
export interface Owner {
  readonly type: OwnerType;
  /** The key of its row in the database, or the name of its file. */
  readonly id: string;
  /** For people: `RUN make`, `app:latest`. */
  readonly description: string;
  readonly lastUsedAt: number;
  /** Stays whatever happens: it has a name that a person gave. */
  readonly isNamed: boolean;
  /** What it keeps: paths in the store, such as `layers/3f2a`. Others may keep it too. */
  readonly parts: readonly string[];
}

/** Directories whose entries are owners by themselves. What is in them can be fetched or made again. */
export const ownDirectories = {
  package: 'packages',
  download: 'downloads',
  repository: 'repositories',
  checkout: 'checkouts',
  context: 'contexts',
  // Indexes of vulnerability databases.
  index: 'osv',
} as const satisfies Partial<Record<OwnerType, string>>;

/**
 * All that keeps something. Call it inside a transaction.
 * @param keepUnpacked whether images keep their layers in unpacked form too; else those are owners of their own
 */
export function listOwners(store: Store, keepUnpacked: boolean): Owner[] {
  const parts = new Parts(store, keepUnpacked);
  return [
    ...listImages(store, parts),
    ...listBases(store, parts),
    ...(keepUnpacked ? [] : listUnpacked(store, parts)),
    ...listSteps(store, parts),
    ...listMounts(store),
    ...listFiles(store),
  ];
}

/** Who keeps what, from tables that are read once. */
class Parts {
  readonly #store: Store;
  readonly #blobs = new Map<string, string[]>();
  readonly #unpacked = new Map<string, string>();

  constructor(store: Store, keepUnpacked: boolean) {
    this.#store = store;
    const packed = store.prepare('SELECT layer, digest FROM layer_blobs').all();
    for (const { layer, digest } of packed as { layer: string; digest: Digest }[])
      this.#blobs.set(layer, [...(this.#blobs.get(layer) ?? []), blobPath(digest)]);
    if (!keepUnpacked) return;
    for (const { key, layer } of unpackedLayers(store)) this.#unpacked.set(key, layer);
  }

  ofLayers(layers: Iterable<string>): string[] {
    return [...new Set(layers)].flatMap(id => [`layers/${id}`, ...(this.#blobs.get(id) ?? [])]);
  }

  ofImage(descriptor: Descriptor): string[] {
    const { blobs, diffIds } = referencesOf(blobsOf(this.#store), [descriptor]);
    const layers = [...diffIds].flatMap(diffId => this.#unpacked.get(diffId) ?? []);
    return [...new Set([...[...blobs].map(blobPath), ...this.ofLayers(layers)])];
  }
}

function blobPath(digest: Digest): string {
  return `blobs/sha256/${digestHex(digest)}`;
}

function listImages(store: Store, parts: Parts): Owner[] {
  return listRecords(store).map(record => ({
    type: 'image',
    id: record.name,
    description: isUntagged(record) ? '<none>' : familiarName(record.name),
    lastUsedAt: record.createdAt,
    isNamed: !isUntagged(record),
    parts: parts.ofImage(record.descriptor),
  }));
}

function listBases(store: Store, parts: Parts): Owner[] {
  const rows = store.prepare('SELECT * FROM bases').all() as unknown as {
    name: string;
    digest: Digest;
    media_type: string;
    size: number;
    last_used_at: number;
  }[];
  return rows.map(({ name, digest, media_type, size, last_used_at }) => ({
    type: 'base',
    id: name,
    description: name,
    lastUsedAt: last_used_at,
    isNamed: false,
    parts: parts.ofImage({ digest, mediaType: media_type, size }),
  }));
}

function listUnpacked(store: Store, parts: Parts): Owner[] {
  return unpackedLayers(store).map(({ layer, last_used_at }) => ({
    type: 'unpacked',
    id: layer,
    description: 'unpacked layer of an image',
    lastUsedAt: last_used_at,
    isNamed: false,
    parts: parts.ofLayers([layer]),
  }));
}

function unpackedLayers(store: Store): { key: string; layer: string; last_used_at: number }[] {
  const sql =
    'SELECT key, layer, last_used_at FROM unpacked_layers AS unpacked JOIN layers ON layers.id = unpacked.layer';
  return store.prepare(sql).all() as { key: string; layer: string; last_used_at: number }[];
}

function listSteps(store: Store, parts: Parts): Owner[] {
  const rows = store.prepare('SELECT key, outputs, description, last_used_at FROM cache_records').all();
  return (rows as { key: string; outputs: string; description: string; last_used_at: number }[]).map(row => ({
    type: 'step',
    id: row.key,
    description: row.description,
    lastUsedAt: row.last_used_at,
    isNamed: false,
    parts: parts.ofLayers(layersOfOutputs(row.outputs)),
  }));
}

function listMounts(store: Store): Owner[] {
  const rows = store.prepare('SELECT id, directory, last_used_at FROM cache_mounts').all();
  return (rows as { id: string; directory: string; last_used_at: number }[]).map(row => ({
    type: 'cache-mount',
    id: row.id,
    description: row.id,
    lastUsedAt: row.last_used_at,
    isNamed: false,
    parts: [`mounts/${row.directory}`],
  }));
}

function listFiles(store: Store): Owner[] {
  const owners: Owner[] = [];
  for (const [type, directory] of Object.entries(ownDirectories))
    for (const id of entries(store.path(directory))) {
      // Whom SSH trusts since it saw them first is nothing to be fetched again.
      if (id === 'known_hosts') continue;
      const path = `${directory}/${id}`;
      const stat = lstatSync(store.path(path), { throwIfNoEntry: false });
      if (stat === undefined) continue;
      const lastUsedAt = stat.ctimeMs;
      owners.push({
        type: type as OwnerType,
        id,
        description: id,
        lastUsedAt,
        isNamed: false,
        parts: [path],
      });
    }
  return owners;
}
