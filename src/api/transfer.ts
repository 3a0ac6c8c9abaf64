import type { ArrivalOptions } from '../content/arrivals.ts';
import { formatPlatform, hostPlatform } from '../image/platform.ts';
import { familiarName, formatReference, parseReference, type Reference } from '../image/reference.ts';
import type { Descriptor, Platform } from '../image/types.ts';
import type { ProgressSink } from '../progress/types.ts';
import { blobsOf } from '../store/blobs.ts';
import { otherHolders } from '../store/holders.ts';
import { checkNewName, findImage, nameImage } from '../store/images.ts';
import { readImage } from '../store/inspect.ts';
import { takeLease } from '../store/leases.ts';
import { holdLock } from '../store/locks.ts';
import type { StorageLimits } from '../store/selection.ts';
import { openStore } from '../store/store.ts';
import { isErrorCode } from '../util/errors.ts';
import { keepWithin, prepareToCollect } from './collect.ts';
import { type RegistryAccess, registryAccess } from './registries.ts';
import { Task } from './task.ts';

export interface TransferOptions {
  /** The store's directory; the usual place unless given. */
  readonly store?: string | undefined;
  /** Registries may be spoken to without TLS, or show a certificate that nobody vouches for. */
  readonly insecure?: boolean | undefined;
  readonly onProgress?: ProgressSink | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An image that was taken from or sent to a registry. */
export interface Transferred {
  /** The full reference. */
  readonly name: string;
  /** The manifest or index. */
  readonly descriptor: Descriptor;
}

export interface PullOptions extends TransferOptions {
  /** How large the store may be then. No limit unless given. */
  readonly storageLimits?: StorageLimits | undefined;
}

/**
 * Takes an image with all its layers from its registry into the store, under the name that was asked for.
 * @throws StagecraftError `not-found`, `integrity`, `io`
 * @throws NamespaceRequired where an ordinary user set limits and must first enter a user namespace
 */
export async function pullImage(
  name: string,
  platforms: readonly Platform[],
  options: PullOptions = {},
): Promise<Transferred> {
  prepareToCollect(options.storageLimits);
  const reference = parseReference(name);
  return withAccess(options, async (access, progress, signal) => {
    const store = openStore(options.store);
    const lease = takeLease(store);
    let isDeceived = false;
    try {
      const blobs = blobsOf(store);
      const registries = await access.open();
      const hold: ArrivalOptions['hold'] = (digest, body) => holdLock(store, `fetch ${digest}`, signal, body);
      const { pullAttestations, pullDocuments, pullLayers } = await import('../registry/pull.ts');
      let descriptor: Descriptor | undefined;
      for (const platform of platforms.length > 0 ? platforms : [hostPlatform()]) {
        await Task.run(
          progress,
          `pulling ${familiarName(name)} for ${formatPlatform(platform)}`,
          async task => {
            descriptor = await pullDocuments(registries, blobs, reference, platform, hold);
            const image = readImage(blobs, descriptor, platform);
            const arriving: ArrivalOptions = {
              status: (id, current, total) => task.status(id.slice(0, 19), current, total),
              hold,
            };
            const { layers, ended } = pullLayers(
              registries,
              blobs,
              reference,
              image.manifest.layers,
              arriving,
            );
            await ended;
            await Promise.all([...layers.values()].map(({ done }) => done));
            const of = { index: descriptor, image: image.descriptor.digest };
            await pullAttestations(registries, blobs, reference, of, arriving);
          },
        );
      }
      nameImage(store, descriptor!, [givenName(reference)]);
      return { name: formatReference(reference), descriptor: descriptor! };
    } catch (error) {
      isDeceived = isErrorCode(error, 'integrity');
      throw error;
    } finally {
      lease.release();
      // Of an image that is not what it should be nothing stays.
      if (isDeceived) await (await import('../store/prune.ts')).sweepBlobs(store, { justNow: true });
      await keepWithin(store, options.storageLimits, { progress, signal });
      store.close();
    }
  });
}

/**
 * Sends an image of the store to the registry that its name says.
 * @throws StagecraftError `not-found`, `io`; `usage` for a name with a digest
 */
export async function pushImage(name: string, options: TransferOptions = {}): Promise<Transferred> {
  const full = checkNewName(name);
  const reference = parseReference(full);
  return withAccess(options, async (access, progress, signal) => {
    const store = openStore(options.store);
    const lease = takeLease(store);
    try {
      const { descriptor } = findImage(store, full);
      const { pushImage: push } = await import('../registry/push.ts');
      await Task.run(progress, `pushing ${familiarName(full)}`, async task =>
        push(await access.open(), blobsOf(store), reference, descriptor, {
          signal,
          status: task.status.bind(task),
          mountFrom: otherHolders(store, reference),
        }),
      );
      return { name: full, descriptor };
    } finally {
      lease.release();
      store.close();
    }
  });
}

/**
 * Copies an image with all its platforms from one registry to another, without the store.
 * @throws StagecraftError `not-found`, `integrity`, `io`; `usage` for a target with a digest
 */
export async function copyImage(
  source: string,
  target: string,
  options: TransferOptions = {},
): Promise<Transferred> {
  const from = parseReference(source);
  const to = checkNewName(target);
  return withAccess(options, async (access, progress, signal) => {
    const { copyBetween } = await import('../registry/copy.ts');
    const title = `copying ${familiarName(formatReference(from))} to ${familiarName(to)}`;
    const descriptor = await Task.run(progress, title, async task =>
      copyBetween(await access.open(), from, parseReference(to), {
        signal,
        status: task.status.bind(task),
      }),
    );
    return { name: to, descriptor };
  });
}

/** What is pulled by its digest has no tag, as in Docker: that may mean another image by now. */
function givenName({ domain, path, tag, digest }: Reference): string {
  return formatReference(digest === undefined ? { domain, path, tag: tag! } : { domain, path, digest });
}

async function withAccess<T>(
  options: TransferOptions,
  body: (access: RegistryAccess, progress: ProgressSink, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const signal = options.signal ?? new AbortController().signal;
  const access = registryAccess(process.env, signal, options.insecure);
  try {
    return await body(access, options.onProgress ?? (() => {}), signal);
  } finally {
    await access.close();
  }
}
