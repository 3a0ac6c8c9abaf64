import type { Origin } from '../attest/origins.ts';
import { formatPlatform, parsePlatform } from '../image/platform.ts';
import { familiarName } from '../image/reference.ts';
import type { Descriptor } from '../image/types.ts';
import { type DocumentFormat, formatDocument } from '../sbom/format.ts';
import { takeInventory } from '../sbom/inventory.ts';
import type { Inventory } from '../sbom/types.ts';
import { openLayerStore } from '../snapshot/layer-store.ts';
import type { LayerStore, RootFs } from '../snapshot/types.ts';
import { blobsOf } from '../store/blobs.ts';
import { findImage, isUntagged } from '../store/images.ts';
import { type ReadImage, readImage } from '../store/inspect.ts';
import { takeLease } from '../store/leases.ts';
import { originsOf } from '../store/origins.ts';
import { addStatements, type Stated } from '../store/statements.ts';
import { openStore, type Store } from '../store/store.ts';
import { type ByteString, bytesFromText } from '../util/bytes.ts';
import type { Digest } from '../util/digest.ts';
import { version } from '../util/version.ts';
import { type CollectOptions, collectOrTell } from './collect.ts';
import { requireNamespace } from './namespace.ts';
import { workGate } from './work-gate.ts';

export interface InventoryRequest extends CollectOptions {
  /** A name, a digest, or the beginning of an ID. */
  readonly image: string;
  /** Of an image for several; this machine's unless given. */
  readonly platform?: string | undefined;
  /** `SOURCE_DATE_EPOCH`, seconds: the time of a document; that of the image unless given. */
  readonly sourceDateEpoch?: number | undefined;
  readonly store?: string | undefined;
  /** Bytes that a layer may unpack to, 0 for any number; what is usual unless given. */
  readonly maxLayerSize?: number | undefined;
}

/** The packages of an image of the store. */
export interface ImageInventory extends Inventory {
  /** The familiar name; the digest for an image without one. */
  readonly name: string;
  /** Of the manifest. */
  readonly digest: Digest;
  readonly platform: string;
  /** RFC 3339, whole seconds. */
  readonly created: string;
  /** Base first. */
  readonly layers: readonly ImageLayer[];
}

export interface ImageLayer {
  readonly diffId: Digest;
  /** The step, as the image's history has it. */
  readonly createdBy: string;
  /** The line of the Dockerfile, where the store or provenance of the image knows it. */
  readonly origin?: Origin;
}

/**
 * Lists the packages of an image of the store.
 * @throws StagecraftError `not-found` without such an image
 * @throws NamespaceRequired where an ordinary user must first enter a user namespace
 */
export async function listPackages(request: InventoryRequest): Promise<ImageInventory> {
  requireNamespace();
  const store = openStore(request.store);
  const lease = takeLease(store);
  try {
    workGate(store)();
    const record = findImage(store, request.image);
    const blobs = blobsOf(store);
    const platform = request.platform === undefined ? undefined : parsePlatform(request.platform);
    const image = readImage(blobs, record.descriptor, platform);
    const layers = openLayerStore(store, { maxUnpacked: request.maxLayerSize });
    const signal = request.signal ?? new AbortController().signal;
    const { unpackImage } = await import('../source/image.ts');
    const rootFs = await unpackImage({ store, blobs, layers, signal }, image);
    const inventory = await inventoryOf(layers, rootFs);
    return {
      ...inventory,
      name: isUntagged(record) ? image.descriptor.digest : familiarName(record.name),
      digest: image.descriptor.digest,
      platform: formatPlatform(image.platform),
      created: timeOf(request.sourceDateEpoch, image.config.created),
      layers: await layersOf(store, record.descriptor, image),
    };
  } finally {
    lease.release();
    await collectOrTell(store, request);
    store.close();
  }
}

/** The packages of a root file system of the store, each with the layer that brought it. */
export function inventoryOf(layers: LayerStore, rootFs: RootFs): Promise<Inventory> {
  const tree = layers.view(rootFs);
  const directories = rootFs.map(id => bytesFromText(`${layers.dir(id)}/`));
  return takeInventory({
    tree,
    layerOf(path: ByteString) {
      const place = tree.immutablePath(path);
      const index = directories.findLastIndex(directory => place?.startsWith(directory));
      return index < 0 ? undefined : index;
    },
  });
}

/** The bill of materials of an image, as a JSON document. */
export function billOfMaterials(inventory: ImageInventory, format: DocumentFormat): Promise<object> {
  return formatDocument(format, inventory, {
    name: inventory.name,
    digest: inventory.digest,
    layers: inventory.layers.map(({ diffId }) => diffId),
    architecture: inventory.platform.split('/')[1],
    created: inventory.created,
    version,
  });
}

function timeOf(epoch: number | undefined, created: string | undefined): string {
  const time = epoch === undefined ? Date.parse(created ?? '') : epoch * 1000;
  return new Date(Number.isNaN(time) ? 0 : time).toISOString().replace(/\.\d+Z$/, 'Z');
}

async function layersOf(store: Store, index: Descriptor, image: ReadImage): Promise<ImageLayer[]> {
  const { config } = image;
  const steps = (config.history ?? []).filter(entry => !entry.empty_layer);
  const origins = await originsOfImage(store, index, image);
  return config.rootfs.diff_ids.map((diffId, i) => {
    const origin = origins[i];
    return { diffId, createdBy: steps[i]?.created_by ?? '', ...(origin && { origin }) };
  });
}

async function originsOfImage(
  store: Store,
  index: Descriptor,
  { descriptor, manifest }: ReadImage,
): Promise<(Origin | undefined)[]> {
  const known = originsOf(store, descriptor.digest);
  if (known !== undefined)
    return known.lines.map(line => (line === null ? undefined : { file: known.file, line }));
  const stated: Stated = {};
  addStatements(stated, blobsOf(store), index, descriptor.digest);
  if (stated.Provenance === undefined) return [];
  const { originsIn } = await import('../attest/origins.ts');
  return originsIn(
    stated.Provenance.SLSA,
    manifest.layers.map(({ digest }) => digest),
  );
}
