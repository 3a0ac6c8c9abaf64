import type { Arrival } from '../content/arrival.ts';
import type { BlobStore } from '../content/blobs.ts';
import { ociLayerType } from '../image/manifest.ts';
import type { RemoteLayer } from '../image/remote-layer.ts';
import type { Descriptor } from '../image/types.ts';
import type {
  DraftLayer,
  LayerId,
  LayerStore,
  ResultLayers,
  RootFs,
  UnpackedLayer,
} from '../snapshot/types.ts';
import type { ReadImage } from '../store/inspect.ts';
import { acquireLock } from '../store/locks.ts';
import type { Store } from '../store/store.ts';
import { type Digest, digestOf } from '../util/digest.ts';
import { confirmContent, explainFailure, readLayer } from './layer-content.ts';

export interface UnpackServices {
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly signal?: AbortSignal | undefined;
  /** Tells how far a layer is, in bytes. */
  readonly status?: ((id: string, current: number, total?: number) => void) | undefined;
  /** Brings what the store lacks. */
  readonly fetch?: FetchBlobs | undefined;
}

/** Begins to bring those of the blobs that the store lacks. */
export type FetchBlobs = (blobs: readonly Descriptor[]) => Promise<ReadonlyMap<Digest, Arrival>>;

/** Bytes of compressed layers from which on threads, which take some 40 ms to start, save time. */
const worthThreads = 8 << 20;

/**
 * The root file system of an image: for each layer its directory, unpacked now if it never was. A layer that was built
 * here, or that another image brought, is used as it lies there.
 * @throws StagecraftError `integrity` when a blob does not hold what the config says
 */
export async function unpackImage(
  services: UnpackServices,
  image: Pick<ReadImage, 'manifest' | 'config'>,
): Promise<RootFs> {
  const chain = chainOf(image);
  const missing = chain.filter(layer => find(services, layer) === undefined);
  const arrivals = await services.fetch?.(missing.map(({ blob }) => blob));
  const size = missing.reduce((sum, { blob }) => sum + blob.size, 0);
  if (size >= worthThreads) return unpackAtOnce(services, chain, arrivals);
  const rootFs: LayerId[] = [];
  for (const layer of chain)
    rootFs.push(
      await findOrUnpack(services, layer, unpackHere([...rootFs]), arrivals?.get(layer.blob.digest)),
    );
  return rootFs;
}

/** The layers of an image as they are: those that are unpacked in the store, and the blobs of the others. */
export function layersOfImage(
  services: UnpackServices,
  image: Pick<ReadImage, 'manifest' | 'config'>,
  elsewhere: Pick<RemoteLayer, 'read' | 'repository'>,
): ResultLayers {
  return chainOf(image).map(layer => {
    const { blob, diffId } = layer;
    const descriptor = { ...blob, mediaType: ociLayerType(blob.mediaType) };
    return find(services, layer) ?? { descriptor, diffId, ...elsewhere };
  });
}

/**
 * Unpacks layers in threads, several at once. Each begins when that below it has its place in the queue, so that one
 * which needs the files below never keeps a thread from unpacking them.
 */
async function unpackAtOnce(
  services: UnpackServices,
  chain: readonly ImageLayer[],
  arrivals: ReadonlyMap<Digest, Arrival> | undefined,
): Promise<RootFs> {
  const failure = new AbortController();
  const signal = services.signal ? AbortSignal.any([services.signal, failure.signal]) : failure.signal;
  const unpacked: Promise<LayerId>[] = [];
  for (const [i, layer] of chain.entries()) {
    const below = Promise.all(unpacked);
    below.catch(() => {});
    // One that the image has twice is unpacked once.
    const same = chain.findIndex(({ diffId }) => diffId === layer.diffId);
    if (same < i) await unpacked[same]!.catch(() => {});
    const queued = Promise.withResolvers<void>();
    const method = unpackApart(() => below, queued.resolve);
    const one = findOrUnpack({ ...services, signal }, layer, method, arrivals?.get(layer.blob.digest));
    one.catch(error => failure.abort(error)).finally(queued.resolve);
    unpacked.push(one);
    await queued.promise;
  }
  // All have ended before an error goes up, so that nothing is still being written.
  await Promise.allSettled(unpacked);
  failure.signal.throwIfAborted();
  return Promise.all(unpacked);
}

function chainOf({ manifest, config }: Pick<ReadImage, 'manifest' | 'config'>): ImageLayer[] {
  let chainId: Digest | undefined;
  return manifest.layers.map((blob, i) => {
    const diffId = config.rootfs.diff_ids[i] as Digest;
    // OCI image specification, config.md#layer-chainid.
    chainId = chainId === undefined ? diffId : digestOf(`${chainId} ${diffId}`);
    return { blob, diffId, chainId };
  });
}

interface ImageLayer {
  blob: Descriptor;
  diffId: Digest;
  chainId: Digest;
}

/** Unpacks a blob into a draft, and says whether the result holds for these layers below alone. */
type Method = (
  services: UnpackServices,
  layer: ImageLayer,
  arrival: Arrival | undefined,
  place: { readonly draft: DraftLayer; readonly what: string; readonly tell: (bytes: number) => void },
) => Promise<UnpackedLayer>;

async function findOrUnpack(
  services: UnpackServices,
  layer: ImageLayer,
  method: Method,
  arrival: Arrival | undefined,
): Promise<LayerId> {
  const known = find(services, layer);
  if (known !== undefined) return known;
  const lock = await acquireLock(services.store, `unpack ${layer.chainId}`, services.signal);
  try {
    return find(services, layer) ?? (await unpack(services, layer, method, arrival));
  } finally {
    lock.release();
  }
}

function find(services: UnpackServices, { blob, diffId, chainId }: ImageLayer): LayerId | undefined {
  const { store, layers } = services;
  const unpacked = store
    .prepare('SELECT layer FROM unpacked_layers WHERE key IN (?, ?)')
    .get(chainId, diffId);
  const row = unpacked ?? store.prepare(packedHere).get(diffId);
  const layer = (row as { layer: LayerId } | undefined)?.layer;
  if (layer === undefined || !layers.has(layer)) return undefined;
  // A collection may have taken it since.
  const { changes } = store.prepare('UPDATE layers SET last_used_at = ? WHERE id = ?').run(Date.now(), layer);
  if (changes === 0) return undefined;
  if (unpacked !== undefined) rememberBlob(services, layer, diffId, blob);
  return layer;
}

/**
 * A layer that was built here and packed to this very content. Not one whose times were rewritten on the way, nor one
 * that was unpacked on top of certain others (known by a chainID).
 */
const packedHere = `
  SELECT layer FROM layer_blobs
  WHERE diff_id = ? AND variant NOT LIKE '%@%' AND layer NOT IN (SELECT layer FROM unpacked_layers)
  LIMIT 1`;

/** Says which blob holds an unpacked layer, so that an export takes that one instead of packing again. */
function rememberBlob(
  { store, blobs }: UnpackServices,
  layer: LayerId,
  diffId: Digest,
  blob: Descriptor,
): void {
  const known = store
    .prepare("SELECT digest FROM layer_blobs WHERE layer = ? AND variant = 'original'")
    .get(layer) as { digest: Digest } | undefined;
  if (known !== undefined && blobs.use(known.digest)) return;
  if (!blobs.use(blob.digest)) return;
  store
    .prepare("INSERT OR REPLACE INTO layer_blobs VALUES (?, 'original', ?, ?, ?, ?)")
    .run(layer, diffId, blob.digest, blob.size, ociLayerType(blob.mediaType));
}

async function unpack(
  services: UnpackServices,
  layer: ImageLayer,
  method: Method,
  arrival: Arrival | undefined,
): Promise<LayerId> {
  const { store, layers, status } = services;
  const { blob, diffId, chainId } = layer;
  const draft = layers.create();
  try {
    const id = `unpacking ${blob.digest.slice(0, 19)}`;
    const what = `the layer ${blob.digest}`;
    const tell = (bytes: number): void => status?.(id, bytes);
    const { dependsOnBelow, size } = await method(services, layer, arrival, { draft, what, tell });
    status?.(id, size, size);
    const made = draft.commit();
    store.transaction(() => {
      const key = dependsOnBelow ? chainId : diffId;
      store.prepare('INSERT OR REPLACE INTO unpacked_layers VALUES (?, ?)').run(key, made);
      rememberBlob(services, made, diffId, blob);
    });
    return made;
  } catch (error) {
    draft.discard();
    throw error;
  }
}

/** Unpacks in this thread: for little. */
function unpackHere(below: RootFs): Method {
  return ({ store, blobs, layers, signal }, { blob, diffId }, arrival, { draft, what, tell }) =>
    layers.unpack(withStatus(readLayer(store, blobs, blob.digest, diffId, arrival), tell), draft, below, {
      what,
      allowance: layers.allow(blob.size, what),
      ...(signal !== undefined && { signal }),
    });
}

/** Unpacks in another thread; `queued` is called once it has its place among those that wait for one. */
function unpackApart(below: () => Promise<RootFs>, queued: () => void): Method {
  return async (services, { blob, diffId }, arrival, { draft, what, tell }) => {
    const { store, blobs, layers, signal } = services;
    const { unpackIn, withThread } = await import('./unpack-threads.ts');
    const done = withThread(thread =>
      unpackIn(
        thread,
        { dir: draft.dir, what, limit: layers.allow(blob.size, what).limit },
        {
          follow: follower => {
            if (arrival !== undefined) return arrival.follow(follower);
            follower.finish(blobs.path(blob.digest), blobs.size(blob.digest) ?? 0);
            return () => {};
          },
          below: async () => (await below()).map(id => layers.dir(id)),
          tell,
          signal,
        },
      ),
    );
    queued();
    const { applied, content } = await done.catch(async error => {
      signal?.throwIfAborted();
      throw await explainFailure(blobs, blob.digest, arrival, error);
    });
    await arrival?.done;
    confirmContent(store, blob.digest, diffId, content);
    return layers.settle(applied, draft, await below());
  };
}

async function* withStatus(
  source: AsyncIterable<Uint8Array>,
  tell: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    tell(bytes);
    yield chunk;
  }
}
