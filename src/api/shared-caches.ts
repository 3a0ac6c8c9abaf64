import type { RecordKey } from '../cache/buildkit/key.ts';
import type { ImportedCache } from '../cache/imported.ts';
import type { SharedMount } from '../cache/mounts.ts';
import type { CacheImport } from '../cache/options.ts';
import type {
  SharedCache,
  SharedLayer,
  SharedOutputs,
  SharedProgress,
  SharedRecord,
} from '../cache/shared.ts';
import type { BlobStore } from '../content/blobs.ts';
import { type ImageConfig, type Manifest, mediaTypes } from '../image/types.ts';
import type { ProgressSink } from '../progress/types.ts';
import type { LayerStore, RootFs } from '../snapshot/types.ts';
import { holdLock } from '../store/locks.ts';
import type { Store } from '../store/store.ts';
import { StagecraftError } from '../util/errors.ts';
import { type RegistryAccess, registryAccess } from './registries.ts';
import { nameOfCache, readSharedCache } from './shared-places.ts';
import { Task } from './task.ts';

export interface SharedCacheOptions {
  readonly imports: readonly CacheImport[];
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  /** When this build's lease began; milliseconds since the epoch. */
  readonly since: number;
  readonly progress: ProgressSink;
  readonly signal: AbortSignal;
}

/**
 * The caches that `--cache-from` names. What they know is read when the store has no answer for the first time; one
 * that cannot be read is told of, and left out.
 */
export class SharedCaches implements SharedCache {
  readonly #options: SharedCacheOptions;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #registries: RegistryAccess;
  readonly #running: Promise<unknown>[] = [];
  #caches: Promise<{ from: CacheImport; caches: ImportedCache[] }[]> | undefined;

  constructor(options: SharedCacheOptions) {
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#stop.signal]);
    this.#registries = registryAccess(process.env, this.#signal);
  }

  async find(outputs: ReadonlyMap<number, RecordKey>): Promise<SharedRecord | undefined> {
    let known: SharedRecord | undefined;
    for (const { caches } of await this.#all())
      for (const cache of caches) {
        const record = cache.find(outputs);
        if (record?.outputs !== undefined) return record;
        known ??= record;
      }
    return known;
  }

  /** The cache mounts of this name, those of the first cache first. */
  async mounts(name: string): Promise<(SharedMount & { readonly origin: string })[]> {
    const all = await this.#all();
    return all.flatMap(({ from, caches }) => {
      if (!from.mounts) return [];
      const found = caches.flatMap(({ mounts }) => mounts.filter(mount => mount.name === name));
      return found.map(mount => ({ ...mount, origin: nameOfCache(from) }));
    });
  }

  async load(shared: SharedOutputs, progress: SharedProgress): Promise<(RootFs | null)[]> {
    const outputs: (RootFs | null)[] = [];
    for (const layers of shared) outputs.push(layers && (await this.#unpack(layers, progress)));
    return outputs;
  }

  /** Stops what is under way, and ends when nothing of it is left. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
    await this.#registries.close();
  }

  #all(): Promise<{ from: CacheImport; caches: ImportedCache[] }[]> {
    this.#caches ??= Promise.all(this.#options.imports.map(each => this.#read(each)));
    return this.#caches;
  }

  async #read(from: CacheImport): Promise<{ from: CacheImport; caches: ImportedCache[] }> {
    const { progress, signal } = this.#options;
    try {
      const caches = await Task.run(progress, `importing cache manifest from ${nameOfCache(from)}`, () =>
        readSharedCache(from, this.#registries, this.#signal),
      );
      return { from, caches };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof StagecraftError)) throw error;
      return { from, caches: [] };
    }
  }

  async #unpack(shared: readonly SharedLayer[], progress: SharedProgress): Promise<RootFs> {
    const { store, blobs, layers, since, signal } = this.#options;
    const { bringBlobs, storeBlob } = await import('../content/arrivals.ts');
    const { unpackImage } = await import('../source/image.ts');
    progress.beforeWork();
    const sources = new Map(shared.map(layer => [layer.descriptor.digest, layer]));
    const rootFs = await unpackImage(
      {
        store,
        blobs,
        layers,
        signal,
        status: (id, current, total) => progress.status(id, current, total),
        fetch: async missing => {
          const arrivals = bringBlobs(
            blobs,
            missing,
            (blob, storing) => {
              const { read } = sources.get(blob.digest)!;
              return storeBlob(blobs, blob, from => read(blob, from), storing);
            },
            {
              status: (id, current, total) => progress.status(id, current, total),
              hold: (digest, body) => holdLock(store, `fetch ${digest}`, signal, body),
            },
          );
          this.#running.push(arrivals.ended);
          return arrivals.layers;
        },
      },
      imageOf(shared),
    );
    rootFs.forEach((layer, i) => {
      const { createdAt } = shared[i]!;
      // So the history of an image is the same wherever its layers came from.
      if (createdAt !== undefined)
        store
          .prepare('UPDATE layers SET created_at = ? WHERE id = ? AND created_at >= ?')
          .run(createdAt, layer, since);
    });
    return rootFs;
  }
}

/** As far as unpacking reads an image. */
function imageOf(layers: readonly SharedLayer[]): { manifest: Manifest; config: ImageConfig } {
  const descriptors = layers.map(({ descriptor }) => descriptor);
  const config = { mediaType: mediaTypes.config, digest: `sha256:${'0'.repeat(64)}` as const, size: 0 };
  return {
    manifest: { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: descriptors },
    config: {
      os: 'linux',
      architecture: '',
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    },
  };
}
