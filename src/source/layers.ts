import { closeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Entry, FileTree, LayerId, LayerStore, RootFs } from '../snapshot/types.ts';
import { type ByteString, textFromBytes } from '../util/bytes.ts';
import type { Digest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import type { Pace } from '../util/pace.ts';
import { contentDigestOf } from './content-digest.ts';
import { DigestTable } from './digest-table.ts';
import { digestBelow, fingerprintOf, fingerprintOfFile } from './fingerprint.ts';
import { hashFile } from './hash-file.ts';
import type { DigestedTree, FileData, Fingerprint } from './types.ts';

/** Where a layer's digests lie: beside its files, so that they go when it goes. */
export function digestsFile(layerDir: string): string {
  return join(dirname(layerDir), 'digests');
}

/**
 * Digests of the files in a store's layers. Layers never change, so what was hashed once is known for as long as the
 * layer is there.
 */
export class LayerDigests {
  readonly #layers: LayerStore;
  readonly #tables = new Map<LayerId, DigestTable>();
  readonly #changed = new Set<LayerId>();
  readonly #trees = new Map<string, DigestedTree>();

  constructor(layers: LayerStore) {
    this.#layers = layers;
  }

  /** The files of a root file system with their digests; the same tree for the same layers. */
  tree(rootFs: RootFs): DigestedTree {
    const key = rootFs.join(' ');
    let tree = this.#trees.get(key);
    if (tree === undefined) {
      tree = new LayeredTree(this.#layers, this, rootFs);
      this.#trees.set(key, tree);
    }
    return tree;
  }

  /** What is known of a layer's files, by path. */
  table(layer: LayerId): DigestTable {
    let table = this.#tables.get(layer);
    if (table === undefined) {
      table = DigestTable.load(digestsFile(this.#layers.dir(layer)));
      this.#tables.set(layer, table);
    }
    return table;
  }

  learn(layer: LayerId, path: ByteString, entry: Entry, data: FileData): void {
    this.table(layer).set(path, {
      size: entry.size,
      mtimeNs: entry.mtimeNs,
      ctimeNs: 0n,
      ino: 0,
      mode: entry.mode,
      uid: entry.uid,
      gid: entry.gid,
      attributes: data.attributes,
      // Whether the other names of a file with several are in this layer is not known, so none is assumed alone.
      linked: entry.nlink > 1,
      data: data.sha256,
    });
    this.#changed.add(layer);
  }

  /** Keeps what was learnt for the next build. */
  save(): void {
    for (const layer of this.#changed)
      if (this.#layers.has(layer)) this.table(layer).keep(digestsFile(this.#layers.dir(layer)));
    this.#changed.clear();
  }
}

/** A stacked root file system that knows digests. */
class LayeredTree implements DigestedTree {
  readonly kind = 'layers';
  readonly #view: FileTree;
  readonly #digests: LayerDigests;
  /** Directories of the layers, top first, as they start an {@link immutablePath}. */
  readonly #tops: readonly { readonly id: LayerId; readonly dir: string }[];
  readonly #below = new Map<ByteString, Promise<Digest>>();
  #lastPath: ByteString | undefined;
  #lastEntry: Entry | undefined;

  constructor(layers: LayerStore, digests: LayerDigests, rootFs: RootFs) {
    this.#view = layers.view(rootFs);
    this.#digests = digests;
    this.#tops = rootFs.map(id => ({ id, dir: `${layers.dir(id)}/` })).reverse();
  }

  lstat(path: ByteString): Entry | undefined {
    // Several questions about one path follow each other, and layers do not change.
    if (path !== this.#lastPath) {
      this.#lastEntry = this.#view.lstat(path);
      this.#lastPath = path;
    }
    return this.#lastEntry;
  }

  resolve(path: ByteString): ByteString {
    return this.#view.resolve(path);
  }

  list(path: ByteString): ByteString[] {
    return this.#view.list(path);
  }

  readlink(path: ByteString): ByteString {
    return this.#view.readlink(path);
  }

  open(path: ByteString): number {
    return this.#view.open(path);
  }

  xattrs(path: ByteString): ReadonlyMap<string, Uint8Array> {
    return this.#view.xattrs(path);
  }

  immutablePath(path: ByteString): ByteString | undefined {
    return this.#view.immutablePath(path);
  }

  contentDigest(path: ByteString, options?: { follow?: boolean }): Promise<Digest> {
    return contentDigestOf(this, path, options);
  }

  fingerprint(path: ByteString): Fingerprint | Promise<Fingerprint> {
    const entry = this.lstat(path);
    if (entry === undefined) throw absent(path);
    if (entry.type !== 'file')
      return fingerprintOf(entry, entry.type === 'symlink' ? this.#view.readlink(path) : undefined);
    const data = this.fileData(path);
    const finish = (known: FileData): Fingerprint =>
      fingerprintOfFile(entry, known.sha256, known.attributes ? this.#view.xattrs(path) : undefined);
    return data instanceof Promise ? data.then(finish) : finish(data);
  }

  fileData(path: ByteString): FileData | Promise<FileData> {
    const entry = this.lstat(path);
    if (entry?.type !== 'file') throw absent(path);
    const place = this.#locate(path);
    if (place !== undefined) {
      const table = this.#digests.table(place.layer);
      const row = table.find(place.path);
      if (row >= 0) return { sha256: table.data(row), attributes: table.attributes(row), settled: true };
    }
    const fd = this.#view.open(path);
    const finish = (sha256: string): FileData => {
      closeSync(fd);
      const data = { sha256, attributes: this.#view.xattrs(path).size > 0, settled: true };
      if (place !== undefined) this.#digests.learn(place.layer, place.path, entry, data);
      return data;
    };
    const sha256 = hashFile(fd, entry.size);
    return typeof sha256 === 'string' ? finish(sha256) : sha256.then(finish);
  }

  linkId(path: ByteString): string | undefined {
    const entry = this.lstat(path);
    if (entry === undefined || entry.nlink < 2) return undefined;
    // Layers share files, which makes no hard links of paths in different layers.
    return `${this.#locate(path)?.layer} ${entry.dev} ${entry.ino}`;
  }

  maker(path: ByteString): LayerId | undefined {
    const place = this.#locate(path);
    if (place === undefined) return undefined;
    const table = this.#digests.table(place.layer);
    const row = table.find(place.path);
    return (row < 0 ? undefined : table.origin(row)) ?? place.layer;
  }

  digestBelow(path: ByteString, pace: Pace): Promise<Digest> {
    let digest = this.#below.get(path);
    if (digest === undefined) {
      digest = digestBelow(this, path, pace);
      this.#below.set(path, digest);
    }
    return digest;
  }

  close(): void {
    this.#digests.save();
  }

  #locate(path: ByteString): { layer: LayerId; path: ByteString } | undefined {
    const onDisk = this.#view.immutablePath(path);
    if (onDisk === undefined) return undefined;
    const top = this.#tops.find(({ dir }) => onDisk.startsWith(dir));
    return top && { layer: top.id, path: onDisk.slice(top.dir.length - 1) };
  }
}

function absent(path: ByteString): StagecraftError {
  return new StagecraftError('not-found', `There is no file ${textFromBytes(path)}.`);
}
