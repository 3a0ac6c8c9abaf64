import type { Arrival } from '../content/arrival.ts';
import type { BlobStore } from '../content/blobs.ts';
import { ociLayerType } from '../image/manifest.ts';
import type { RemoteLayer } from '../image/remote-layer.ts';
import type { Descriptor } from '../image/types.ts';
import type { LayerId, LayerStore, ResultLayers, RootFs } from '../snapshot/types.ts';
import type { ReadImage } from '../store/inspect.ts';
import { acquireLock } from '../store/locks.ts';
import type { Store } from '../store/store.ts';
import { type Digest, digestOf } from '../util/digest.ts';
import { readLayer } from './layer-content.ts';

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
  const rootFs: LayerId[] = [];
  for (const layer of chain)
    rootFs.push(await findOrUnpack(services, layer, [...rootFs], arrivals?.get(layer.blob.digest)));
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

async function findOrUnpack(
  services: UnpackServices,
  layer: ImageLayer,
  below: RootFs,
  arrival: Arrival | undefined,
): Promise<LayerId> {
  const known = find(services, layer);
  if (known !== undefined) return known;
  const lock = await acquireLock(services.store, `unpack ${layer.chainId}`, services.signal);
  try {
    return find(services, layer) ?? (await unpack(services, layer, below, arrival));
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
  { blob, diffId, chainId }: ImageLayer,
  below: RootFs,
  arrival: Arrival | undefined,
): Promise<LayerId> {
  const { store, blobs, layers, signal, status } = services;
  const draft = layers.create();
  try {
    const content = withStatus(readLayer(store, blobs, blob.digest, diffId, arrival), size =>
      status?.(`unpacking ${blob.digest.slice(0, 19)}`, size),
    );
    const what = `the layer ${blob.digest}`;
    const { dependsOnBelow, size } = await layers.unpack(content, draft, below, {
      what,
      allowance: layers.allow(blob.size, what),
      ...(signal !== undefined && { signal }),
    });
    status?.(`unpacking ${blob.digest.slice(0, 19)}`, size, size);
    const id = draft.commit();
    store.transaction(() => {
      const key = dependsOnBelow ? chainId : diffId;
      store.prepare('INSERT OR REPLACE INTO unpacked_layers VALUES (?, ?)').run(key, id);
      rememberBlob(services, id, diffId, blob);
    });
    return id;
  } catch (error) {
    draft.discard();
    throw error;
  }
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
