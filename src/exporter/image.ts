import { putJson, readJson } from '../content/json.ts';
import { checkConfig, checkManifest, configPlatform } from '../image/manifest.ts';
import { formatPlatform } from '../image/platform.ts';
import type { RemoteLayer } from '../image/remote-layer.ts';
import { type Descriptor, type ImageConfig, mediaTypes } from '../image/types.ts';
import type { LayerId } from '../snapshot/types.ts';
import { StagecraftError } from '../util/errors.ts';
import { selectAnnotations } from './annotations.ts';
import { commitAttestations, isAttested } from './attestations.ts';
import { completeHistory, earlier, type LayerOrigin, limitTimes, noTime } from './history.ts';
import { checkImageOptions } from './image-options.ts';
import { type PackedLayer, packedElsewhere, packLayers } from './layers.ts';
import type { BuildOutcome, CommittedImage, ExportServices, ImageOptions, ImageResult } from './types.ts';

/**
 * Puts an image into the store: layers, config and manifest, and an index around the manifests where there are several
 * platforms, or attestations. It has no name yet; `nameImage` of the store gives it some.
 * @param names full references that it will get, for those to whom attestations tell of it
 * @throws StagecraftError `usage` when the options contradict each other
 */
export async function commitImage(
  services: ExportServices,
  outcome: BuildOutcome,
  options: ImageOptions,
  names: readonly string[] = [],
): Promise<CommittedImage> {
  const { results } = outcome;
  const index = outcome.index || isAttested(outcome);
  const platforms = results.map(result => formatPlatform(configPlatform(result.config)));
  checkPlatforms(platforms);
  checkImageOptions(options, platforms, index);
  const parts: CommittedImage['parts'] = [];
  const attestations: Descriptor[] = [];
  for (const result of results) {
    const part = await commitPart(services, result, options);
    parts.push(part);
    if (result.attestations?.length)
      attestations.push(await attest(services, result, part, names, options.ociArtifact ?? true));
  }
  if (!index && parts[0]) {
    const { descriptor, configDigest } = parts[0];
    return { descriptor, configDigest, parts };
  }
  const annotations = selectAnnotations(options.annotations, 'index');
  const isOci = options.mediaTypes === 'oci';
  const mediaType = isOci ? mediaTypes.index : mediaTypes.dockerManifestList;
  const document = putJson(services.blobs, {
    schemaVersion: 2,
    mediaType,
    manifests: [...parts.map(part => part.descriptor), ...attestations],
    ...(annotations && { annotations }),
  });
  const onDescriptor = selectAnnotations(options.annotations, 'index-descriptor');
  return {
    descriptor: { mediaType, ...document, ...(onDescriptor && { annotations: onDescriptor }) },
    parts,
  };
}

function checkPlatforms(platforms: readonly string[]): void {
  if (platforms.length === 0) throw new StagecraftError('usage', 'There is nothing to export.');
  const repeated = platforms.find((platform, index) => platforms.indexOf(platform) !== index);
  if (repeated !== undefined)
    throw new StagecraftError('usage', `The platform ${repeated} was built more than once.`);
}

async function attest(
  services: ExportServices,
  result: ImageResult,
  { descriptor, configDigest, platform }: CommittedImage['parts'][number],
  names: readonly string[],
  asArtifact: boolean,
): Promise<Descriptor> {
  const { blobs } = services;
  services.beforeRead?.();
  const { layers } = checkManifest(readJson(blobs, descriptor.digest), 'The image');
  const config = checkConfig(readJson(blobs, configDigest), 'The config');
  return commitAttestations(
    services,
    {
      descriptor,
      platform,
      layers,
      attestations: result.attestations!,
      diffIds: config.rootfs.diff_ids,
      created: config.created,
    },
    names,
    asArtifact,
  );
}

async function commitPart(
  services: ExportServices,
  result: ImageResult,
  options: ImageOptions,
): Promise<CommittedImage['parts'][number]> {
  const { blobs } = services;
  const latestTime = options.rewriteTimestamp ? options.epoch : undefined;
  const wanted = result.layers ?? result.rootFs;
  const here = wanted.filter(layer => typeof layer === 'string');
  const packed = await packLayers(services, here, {
    compression: options.compression,
    force: options.forceCompression,
    latestTime,
    baseLayers: (result.baseHistory ?? []).filter(entry => !entry.empty_layer).length,
  });
  const queue = packed.values();
  const layers = wanted.map(layer =>
    typeof layer === 'string' ? queue.next().value! : packedElsewhere(layer),
  );
  const isOci = options.mediaTypes === 'oci';
  const config = putJson(blobs, sorted(completeConfig(services, result, layers, options)), 0);
  const platform = configPlatform(result.config);
  const annotations = selectAnnotations(options.annotations, 'manifest', platform);
  const mediaType = isOci ? mediaTypes.manifest : mediaTypes.dockerManifest;
  const manifest = putJson(blobs, {
    schemaVersion: 2,
    mediaType,
    config: { mediaType: isOci ? mediaTypes.config : mediaTypes.dockerConfig, ...config },
    layers: layers.map(layer => layerDescriptor(layer, isOci)),
    ...(annotations && { annotations }),
  });
  const onDescriptor = selectAnnotations(options.annotations, 'manifest-descriptor', platform);
  return {
    descriptor: { mediaType, ...manifest, ...(onDescriptor && { annotations: onDescriptor }), platform },
    configDigest: config.digest,
    platform,
  };
}

/** The config with what only the layers tell: diffIDs, history and times. */
function completeConfig(
  services: ExportServices,
  result: ImageResult,
  layers: readonly PackedLayer[],
  options: ImageOptions,
): ImageConfig {
  const origins = (result.layers ?? result.rootFs).map(layer => originOf(services, result, layer));
  let history = completeHistory(result.config.history ?? [], origins);
  let created = result.config.created || history.at(-1)?.created || noTime;
  if (options.epoch !== undefined) {
    const epoch = new Date(options.epoch * 1000).toISOString().replace('.000Z', 'Z');
    history = limitTimes(history, epoch, result.baseHistory);
    created = earlier(created, epoch);
  }
  return {
    ...result.config,
    created,
    rootfs: { type: 'layers', diff_ids: layers.map(layer => layer.diffId) },
    history,
    ...(result.inlineCache !== undefined && { 'moby.buildkit.cache.v0': result.inlineCache }),
  };
}

function originOf(services: ExportServices, result: ImageResult, layer: LayerId | RemoteLayer): LayerOrigin {
  if (typeof layer !== 'string')
    return { created: layer.createdAt === undefined ? noTime : new Date(layer.createdAt).toISOString() };
  const row = services.store.prepare('SELECT created_at FROM layers WHERE id = ?').get(layer);
  const createdAt = (row as { created_at: number } | undefined)?.created_at ?? 0;
  return { created: new Date(createdAt).toISOString(), description: result.describe?.(layer) };
}

/** Fields in alphabetical order, as BuildKit has them: other orders would be other images. */
function sorted(config: ImageConfig): object {
  return Object.fromEntries(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function layerDescriptor(layer: PackedLayer, isOci: boolean): Descriptor {
  const { digest, size, latestTime } = layer;
  // So that who rewrites times, too, need not look into it: BuildKit.
  const annotations = { 'buildkit/rewritten-timestamp': String(latestTime) };
  if (isOci)
    return { mediaType: layer.mediaType, digest, size, ...(latestTime !== undefined && { annotations }) };
  const mediaType = dockerLayerTypes.get(layer.mediaType) ?? layer.mediaType;
  return { mediaType, digest, size };
}

/** The last one is containerd's and BuildKit's; Docker's specification ends before zstd. */
const dockerLayerTypes = new Map<string, string>([
  [mediaTypes.layer, mediaTypes.dockerLayer],
  [mediaTypes.layerGzip, mediaTypes.dockerLayerGzip],
  [mediaTypes.layerZstd, mediaTypes.dockerLayerZstd],
]);
