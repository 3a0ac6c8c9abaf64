import { configOf, type ExportedLayer, type ExportedResult } from '../cache/exported.ts';
import { createdAnnotation, diffIdAnnotation } from '../cache/imported.ts';
import type { SharedMount } from '../cache/mounts.ts';
import type { CacheExport } from '../cache/options.ts';
import type { CachedResult, SharedCache, SharedLayer, SharedOutputs } from '../cache/shared.ts';
import type { CacheTarget } from '../cache/target.ts';
import type { BlobStore } from '../content/blobs.ts';
import { type PackedLayer, packLayers } from '../exporter/layers.ts';
import { exportServices } from '../exporter/services.ts';
import { familiarName, formatReference, type Reference } from '../image/reference.ts';
import { type Descriptor, mediaTypes } from '../image/types.ts';
import type { ProgressSink } from '../progress/types.ts';
import type { LayerId, LayerStore, ResultLayers } from '../snapshot/types.ts';
import type { CacheMountUse } from '../solver/cache-mount.ts';
import type { Store } from '../store/store.ts';
import type { Digest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import {
  type AnyLayer,
  createdAtOf,
  type KnownResult,
  knownResults,
  type NamedResult,
  nameResults,
} from './known-results.ts';
import { type RegistryAccess, registryAccess } from './registries.ts';
import { importOf, readSharedCache } from './shared-places.ts';
import { Task } from './task.ts';

export interface CacheExportServices {
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly shared?: SharedCache | undefined;
  /** Cache mounts of caches that the build was given, by what they are called. */
  readonly sharedMounts?: ((name: string) => Promise<readonly SharedMount[]>) | undefined;
  readonly since: number;
  readonly progress: ProgressSink;
  readonly signal: AbortSignal;
  beforeWork(): void;
}

/** What a build has for others. */
export interface MadeByBuild<Result = CachedResult> {
  readonly results: readonly Result[];
  /** The layers of the results. */
  readonly images: readonly ResultLayers[];
  /** Where the image was sent by now. */
  readonly pushedTo: readonly Reference[];
  /** The cache mounts of its steps. */
  readonly mounts: readonly CacheMountUse[];
}

/** Writes what a build knows to each cache. Returns the manifest of the last one that has any. @throws as the single ones */
export async function exportCaches(
  services: CacheExportServices,
  caches: readonly CacheExport[],
  made: MadeByBuild,
): Promise<Descriptor | undefined> {
  const elsewhere = caches.filter(({ type }) => type !== 'inline');
  const named = elsewhere.length === 0 ? [] : await nameResults(made.results);
  let manifest: Descriptor | undefined;
  for (const to of elsewhere)
    manifest = (await exportCache(services, to, { ...made, results: named })) ?? manifest;
  return manifest;
}

/**
 * Writes what a build knows to a shared cache. Returns the manifest of the cache, where it has one.
 * @throws StagecraftError unless errors are to be ignored
 */
async function exportCache(
  services: CacheExportServices,
  to: CacheExport,
  made: MadeByBuild<NamedResult>,
): Promise<Descriptor | undefined> {
  const { progress, signal } = services;
  try {
    return await Task.run(progress, titleOf(to), task => write(services, to, made, task));
  } catch (error) {
    signal.throwIfAborted();
    if (to.ignoreError && error instanceof StagecraftError) return undefined;
    throw error;
  }
}

async function write(
  services: CacheExportServices,
  to: CacheExport,
  { results, images, pushedTo, mounts }: MadeByBuild<NamedResult>,
  task: Task,
): Promise<Descriptor | undefined> {
  const known = knownResults(services, results, to.mode === 'min' ? images : undefined);
  const exported = await describe(services, to, known, task);
  const { config, layers } = configOf(exported);
  // Like BuildKit: a cache without layers would only take the place of one that has some.
  if (layers.length === 0 && (to.mounts === false || mounts.length === 0)) return undefined;
  const access = registryAccess(process.env, services.signal);
  try {
    const target = await targetOf(to, { ...services, pushedTo, open: access.open });
    await target.sendLayers(layers, (id, current, total) =>
      task.status(`writing layer ${id.slice(0, 19)}`, current, total),
    );
    const sent = await sendMounts(services, to, mounts, { target, access, task });
    if (layers.length === 0 && sent.length === 0) return undefined;
    return await target.finish(config, [...layers.map(({ descriptor }) => descriptor), ...sent]);
  } finally {
    await access.close();
  }
}

/** Sends the cache mounts that are asked for. */
async function sendMounts(
  services: CacheExportServices,
  to: CacheExport,
  uses: readonly CacheMountUse[],
  { target, access, task }: { target: CacheTarget; access: RegistryAccess; task: Task },
): Promise<Descriptor[]> {
  if (to.type === 'inline' || to.mounts === false || uses.length === 0) return [];
  const { exportMounts } = await import('./mount-export.ts');
  const there = readSharedCache(importOf(to), access, services.signal).catch(error => {
    if (error instanceof StagecraftError) return [];
    throw error;
  });
  return exportMounts(services, {
    uses,
    wanted: to.mounts,
    target,
    known: async name => [
      ...(await there).flatMap(({ mounts }) => mounts.filter(mount => mount.name === name)),
      ...((await services.sharedMounts?.(name)) ?? []),
    ],
    status: task.status.bind(task),
  });
}

/** Packs what is in the store, and takes the rest as it lies elsewhere, unless it must be compressed anew. */
async function describe(
  services: CacheExportServices,
  to: CacheExport,
  results: readonly KnownResult[],
  task: Task,
): Promise<ExportedResult[]> {
  const { store, blobs, layers, beforeWork, signal, shared } = services;
  const here: KnownResult[] = [];
  for (const result of results) {
    const isFit = (layer: AnyLayer): boolean =>
      typeof layer === 'string' ||
      !to.forceCompression ||
      layer.descriptor.mediaType === layerTypes[to.compression.type];
    if (result.outputs.every(output => output?.every(isFit) ?? true)) here.push(result);
    else {
      const progress = { status: task.status.bind(task), beforeWork };
      const outputs = result.outputs.map(output => output ?? null) as SharedOutputs;
      here.push({ ...result, outputs: await shared!.load(outputs, progress) });
    }
  }
  const ids = here.flatMap(({ outputs }) => outputs.flatMap(output => output ?? []));
  const wanted = [...new Set(ids.filter(layer => typeof layer === 'string'))];
  const packed = await packLayers(
    exportServices(store, layers, {
      beforeRead: beforeWork,
      signal,
      status: (id, current, total) => task.status(id, current, total),
    }),
    wanted,
    { compression: to.compression, force: to.forceCompression },
  );
  const ready = new Map(wanted.map((layer, i) => [layer, fromStore(store, blobs, layer, packed[i]!)]));
  const exported = (layer: AnyLayer): ExportedLayer =>
    typeof layer === 'string' ? ready.get(layer)! : fromElsewhere(blobs, layer);
  return here.map(result => ({
    ...result,
    outputs: result.outputs.map(output => (output ? output.map(exported) : output)),
  }));
}

const layerTypes = {
  gzip: mediaTypes.layerGzip,
  zstd: mediaTypes.layerZstd,
  uncompressed: mediaTypes.layer,
} as const;

function fromStore(store: Store, blobs: BlobStore, layer: LayerId, packed: PackedLayer): ExportedLayer {
  const { mediaType, digest, size, diffId } = packed;
  const createdAt = new Date(createdAtOf(store, layer)).toISOString();
  const annotations = { [diffIdAnnotation]: diffId, [createdAnnotation]: createdAt };
  return {
    descriptor: { mediaType, digest, size, annotations },
    read: from => blobs.stream(digest, { from, verify: from === 0 }),
  };
}

function fromElsewhere(blobs: BlobStore, { descriptor, diffId, read }: SharedLayer): ExportedLayer {
  const { mediaType, digest, size, annotations } = descriptor;
  return {
    descriptor: { mediaType, digest, size, annotations: { ...annotations, [diffIdAnnotation]: diffId } },
    read: from =>
      blobs.use(digest) ? blobs.stream(digest, { from, verify: from === 0 }) : read(descriptor, from),
  };
}

async function targetOf(
  to: CacheExport,
  {
    store,
    pushedTo,
    open,
    signal,
  }: Pick<CacheExportServices, 'store' | 'signal'> &
    Pick<MadeByBuild, 'pushedTo'> &
    Pick<RegistryAccess, 'open'>,
): Promise<CacheTarget> {
  if (to.type === 'local') {
    const { directoryTarget } = await import('../cache/places/directory.ts');
    return directoryTarget(to.dest, to);
  }
  if (to.type === 'registry') {
    const { registryTarget } = await import('../cache/places/registry.ts');
    const { otherHolders } = await import('../store/holders.ts');
    const holder = otherHolders(store, to.reference);
    const pushed = pushedTo.find(({ domain }) => domain === to.reference.domain)?.path;
    const mountFrom = (digest: Digest) => pushed ?? holder(digest);
    return registryTarget({ ...to, registries: await open(), mountFrom, signal }, to);
  }
  if (to.type === 's3') {
    const { s3Target } = await import('../cache/places/s3.ts');
    return s3Target(to, signal);
  }
  if (to.type === 'gha') {
    const { githubTarget } = await import('../cache/places/github.ts');
    return githubTarget(to, signal);
  }
  throw new Error('An inline cache is a part of the image');
}

function titleOf(to: CacheExport): string {
  if (to.type === 'local') return `exporting cache to client directory ${to.dest}`;
  if (to.type === 'registry') return `exporting cache to ${familiarName(formatReference(to.reference))}`;
  return to.type === 'gha' ? 'exporting to GitHub Actions Cache' : 'exporting cache to Amazon S3';
}
