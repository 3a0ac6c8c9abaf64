import {
  type ArrivalOptions,
  type Arrivals,
  type BringBlob,
  bringBlobs,
  storeBlob,
} from '../content/arrivals.ts';
import type { BlobStore } from '../content/blobs.ts';
import { documentLimit, parseJson } from '../content/json.ts';
import { attestationsIn, checkIndex, checkManifest, isIndexType } from '../image/manifest.ts';
import { formatPlatform, selectPlatform } from '../image/platform.ts';
import { formatFamiliar, formatReference, type Reference } from '../image/reference.ts';
import type { Descriptor, Platform } from '../image/types.ts';
import type { Digest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import type { Fetched, RepositoryClient } from './client.ts';
import type { Registries } from './registries.ts';

/**
 * Fetches what describes an image for one platform, and none of its layers: index, manifest and config go into the
 * blob store. Returns what the name stands for, an index or a manifest.
 * @throws StagecraftError `not-found`, also where the image has no part for the platform; `integrity`; `io`
 */
export async function pullDocuments(
  registries: Registries,
  blobs: BlobStore,
  reference: Reference,
  platform: Platform,
  hold: ArrivalOptions['hold'],
): Promise<Descriptor> {
  return registries.ask(reference, async client => {
    const top = await client.manifest(reference.digest ?? reference.tag!);
    const manifest = await manifestFor(client, reference, top, platform);
    const { config } = checkManifest(parseJson(manifest.bytes, 'The manifest'), whatOf(reference));
    if (config.size > documentLimit)
      throw new StagecraftError(
        'integrity',
        `The config of ${formatFamiliar(reference)} has ${config.size} bytes.`,
      );
    await hold(config.digest, () => storeBlob(blobs, config, () => client.blob(config)));
    blobs.put(manifest.bytes);
    if (top !== manifest) blobs.put(top.bytes);
    return top.descriptor;
  });
}

/**
 * Fetches what an index that is in the blob store states of one of its images. What a registry has lost is passed over,
 * as the image runs without it.
 * @throws StagecraftError `integrity`; `io`
 */
export async function pullAttestations(
  registries: Registries,
  blobs: BlobStore,
  reference: Reference,
  { index, image }: { readonly index: Descriptor; readonly image: Digest },
  options: ArrivalOptions,
): Promise<void> {
  if (!isIndexType(index.mediaType)) return;
  const what = whatOf(reference);
  const document = checkIndex(parseJson(blobs.read(index.digest, documentLimit), what), what);
  for (const { digest } of attestationsIn(document, image)) {
    try {
      const { bytes } = await registries.ask(reference, client => client.manifest(digest));
      const { config, layers } = checkManifest(
        parseJson(bytes, 'The attestation'),
        `The attestation ${digest}`,
      );
      const { layers: arrivals, ended } = pullLayers(
        registries,
        blobs,
        reference,
        [config, ...layers],
        options,
      );
      await ended;
      await Promise.all([...arrivals.values()].map(({ done }) => done));
      blobs.put(bytes);
    } catch (error) {
      if (!(error instanceof StagecraftError && error.code === 'not-found')) throw error;
    }
  }
}

/** Fetches the layers that the store lacks, some at a time, in their order. */
export function pullLayers(
  registries: Registries,
  blobs: BlobStore,
  reference: Reference,
  layers: readonly Descriptor[],
  options: ArrivalOptions,
): Arrivals {
  const bring: BringBlob = (layer, storing) =>
    registries.ask(reference, client => storeBlob(blobs, layer, from => client.blob(layer, from), storing));
  return bringBlobs(blobs, layers, bring, options);
}

async function manifestFor(
  client: RepositoryClient,
  reference: Reference,
  top: Fetched,
  platform: Platform,
): Promise<Fetched> {
  if (!isIndexType(top.descriptor.mediaType)) return top;
  const index = checkIndex(parseJson(top.bytes, 'The index'), whatOf(reference));
  const entries = index.manifests.filter(entry => entry.platform?.os !== 'unknown');
  const known = entries.filter(entry => entry.platform !== undefined);
  const chosen = selectPlatform(platform, known, entry => entry.platform!) ?? only(entries);
  if (chosen === undefined) {
    const offered = known.map(entry => formatPlatform(entry.platform!)).join(', ');
    throw new StagecraftError(
      'not-found',
      `${formatFamiliar(reference)} is not made for ${formatPlatform(platform)}; it is for ${offered || 'no platform'}.`,
      { hint: 'Ask for one of these with --platform, or choose another image.' },
    );
  }
  const manifest = await client.manifest(chosen.digest);
  if (manifest.descriptor.size !== chosen.size)
    throw new StagecraftError(
      'integrity',
      `The manifest ${chosen.digest} has ${manifest.descriptor.size} bytes where its index says ${chosen.size}.`,
    );
  const { mediaType } = manifest.descriptor;
  if (isIndexType(mediaType))
    throw new StagecraftError('unsupported', `${formatReference(reference)} is an index of indexes.`);
  if (mediaType === chosen.mediaType) return manifest;
  throw new StagecraftError(
    'integrity',
    `The manifest ${chosen.digest} calls itself ${mediaType}, but its index ${chosen.mediaType}.`,
  );
}

/** An index of one image need not say its platform. */
function only(entries: readonly Descriptor[]): Descriptor | undefined {
  return entries.length === 1 && entries[0]!.platform === undefined ? entries[0] : undefined;
}

function whatOf(reference: Reference): string {
  return `The image ${formatFamiliar(reference)}`;
}
