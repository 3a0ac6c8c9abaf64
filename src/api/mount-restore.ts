import { rmSync } from 'node:fs';
import { mountPackDescriptor, type SharedMount } from '../cache/mounts.ts';
import type { MountIndex } from '../mounts/types.ts';
import type { ProgressSink } from '../progress/types.ts';
import type { LayerStore } from '../snapshot/types.ts';
import type { NewCacheMount } from '../solver/types.ts';
import type { Store } from '../store/store.ts';
import { digestOf } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import type { SharedCaches } from './shared-caches.ts';
import { Task } from './task.ts';

export interface MountRestoreServices {
  readonly store: Store;
  readonly layers: LayerStore;
  readonly progress: ProgressSink;
  readonly signal: AbortSignal;
}

/**
 * Fills a new cache mount from the first shared cache that has it. What does not come, or is not what it should be, is
 * told of, and the next cache is asked: false after the last one.
 */
export async function restoreFromShared(
  { name, title, directory, draft }: NewCacheMount,
  shared: SharedCaches,
  { store, layers, progress, signal }: MountRestoreServices,
): Promise<boolean> {
  for (const mount of await shared.mounts(name)) {
    try {
      await Task.run(progress, `restoring cache mount ${title} from ${mount.origin}`, async task => {
        const index = await readMountIndex(mount, layers);
        const { restoreMount } = await import('../mounts/restore.ts');
        const { digestsOfMount } = await import('../mounts/collect.ts');
        await restoreMount(index, draft, {
          read: pack => mount.read(mountPackDescriptor(pack), 0),
          status: (done, total) => task.status('fetching', done, total),
          digests: digestsOfMount(store, directory),
          signal,
        });
      });
      return true;
    } catch (error) {
      rmSync(draft, { recursive: true, force: true });
      signal.throwIfAborted();
      if (!(error instanceof StagecraftError)) throw error;
    }
  }
  return false;
}

/** Fetches what a shared cache says of a cache mount. @throws StagecraftError `integrity`, `not-found`, `io` */
export async function readMountIndex(
  { name, descriptor, read }: SharedMount,
  layers: LayerStore,
): Promise<MountIndex> {
  const { indexLimits, readIndex } = await import('../mounts/index-document.ts');
  const { digest, size } = descriptor;
  if (size > indexLimits.sent)
    throw new StagecraftError('integrity', `The index of the cache mount ${name} has ${size} bytes.`);
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of read(descriptor, 0)) {
    length += part.length;
    if (length > size) break;
    parts.push(part);
  }
  const bytes = Buffer.concat(parts);
  if (length !== size || digestOf(bytes) !== digest)
    throw new StagecraftError('integrity', `The index of the cache mount ${name} is not the blob ${digest}.`);
  return readIndex(bytes, name, packed => layers.allow(packed, `the cache mount ${name}`));
}
