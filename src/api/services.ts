import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { SharedMount } from '../cache/mounts.ts';
import { toldOnce } from '../progress/told-once.ts';
import { commandBegan } from '../sandbox/began.ts';
import { openLayerStore } from '../snapshot/layer-store.ts';
import { readRights } from '../solver/rights.ts';
import type { NewCacheMount, Rights, SolverServices } from '../solver/types.ts';
import { LayerDigests } from '../source/layers.ts';
import { blobsOf } from '../store/blobs.ts';
import { takeLease } from '../store/leases.ts';
import { openStore } from '../store/store.ts';
import { rememberText } from '../util/excerpt.ts';
import { ambientOf } from './ambient.ts';
import { BaseImages } from './base-images.ts';
import { keepWithin } from './collect.ts';
import { lend } from './lent.ts';
import { once } from './once.ts';
import type { BuildRequest } from './request.ts';
import { SharedCaches } from './shared-caches.ts';
import { type SourceServices, sourceResolver } from './sources.ts';
import { workGate } from './work-gate.ts';

/** What one build works with: its store, leased, and what finds sources and solves graphs over it. */
export interface BuildServices {
  readonly sources: SourceServices;
  readonly solver: SolverServices;
  /** The cache mounts of this name in the shared caches. */
  readonly sharedMounts: (name: string) => Promise<readonly SharedMount[]>;
}

/** Opens what a build needs, and closes it however the body ends. */
export async function withServices<T>(
  request: BuildRequest,
  body: (services: BuildServices) => Promise<T>,
): Promise<T> {
  const store = openStore(request.store);
  const lease = takeLease(store);
  const since = Date.now();
  const layers = openLayerStore(store, { maxUnpacked: request.maxLayerSize });
  const digests = new LayerDigests(layers);
  const blobs = blobsOf(store);
  const signal = request.signal ?? new AbortController().signal;
  const images = new BaseImages({
    store,
    blobs,
    env: process.env,
    signal,
    pull: request.pull ?? false,
    anyPlatform: !request.platforms?.length,
  });
  const progress = toldOnce(request.onProgress ?? (() => {}));
  const shared = new SharedCaches({
    imports: request.cacheFrom ?? [],
    ...{ store, blobs, layers, since, progress, signal },
  });
  const lent = lend({
    secrets: request.secrets ?? [],
    ssh: request.ssh ?? [],
    env: process.env,
    ask: request.askPassphrase,
  });
  const sources: SourceServices = {
    store,
    blobs,
    layers,
    images,
    contexts: new Map(),
    uploads: new Map(),
    layouts: new Map(),
    remote: { store, since: Math.min(since, commandBegan()), lent, env: process.env },
    pins: new Map(),
    opened: [],
    temporary: [],
    texts: new Map(),
  };
  try {
    const solver: SolverServices = {
      store,
      layers,
      digests,
      since,
      ...(request.cacheFrom?.length && {
        shared,
        restoreMount: async (mount: NewCacheMount, signal: AbortSignal) => {
          const { restoreFromShared } = await import('./mount-restore.ts');
          return restoreFromShared(mount, shared, { store, layers, progress, signal });
        },
      }),
      resolveSource: sourceResolver(sources),
      sandbox: async () => (await import('../sandbox/choose.ts')).chooseSandbox(),
      lent,
      ambient: await ambientOf(request),
      rights: rightsOf(request),
      devices: once(async () => {
        const { cdiDirectories, DeviceRegistry } = await import('../cdi/registry.ts');
        return DeviceRegistry.read(cdiDirectories());
      }),
      jobs: request.jobs ?? Math.max(4, availableParallelism()),
      progress,
      signal,
      beforeWork: workGate(store),
    };
    return await body({ sources, solver, sharedMounts: name => shared.mounts(name) });
  } catch (error) {
    throw rememberText(error, sources.texts);
  } finally {
    try {
      for (const tree of sources.opened) tree.close();
      for (const path of sources.temporary) rmSync(path, { recursive: true, force: true });
      digests.save();
      await images.close();
      await shared.close();
    } finally {
      lease.release();
      if (images.isDeceived) await (await import('../store/prune.ts')).sweepBlobs(store, { justNow: true });
      await keepWithin(store, request.storageLimits, { progress, signal });
      store.close();
    }
  }
}

/** As with buildx, who asks for the host's network for all steps allows it. */
function rightsOf({ allow = [], network }: BuildRequest): Rights {
  return readRights(network === 'host' ? [...allow, 'network.host'] : allow);
}
