import { documentLimit, parseJson, parseJsonValue } from '../content/json.ts';
import { checkConfig, checkIndex, checkManifest, documentType, isIndexType } from '../image/manifest.ts';
import type { RemoteLayer } from '../image/remote-layer.ts';
import { type Descriptor, type Manifest, mediaTypes } from '../image/types.ts';
import { type Digest, digestOf } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import type { CacheConfig } from './config.ts';
import { cacheConfigType, checkCacheConfig, configLimit, parseCacheConfig } from './config.ts';
import { diffIdAnnotation, ImportedCache } from './imported.ts';
import { inlineField } from './inline.ts';
import { isOfMount } from './mounts.ts';
import type { ReadBlob } from './shared.ts';

/** Where caches lie as images do: a repository of a registry, or a directory. */
export interface CacheSource {
  /** The bytes of the manifest that the cache goes by, or of the one with a digest; verified. */
  manifest(digest?: Digest): Promise<Uint8Array>;
  readonly read: ReadBlob;
  /** Where it is a part of a registry. */
  readonly repository?: RemoteLayer['repository'];
}

/**
 * Reads what a cache knows, and none of its layers: a cache's own manifest or index, or an image that carries one.
 * @throws StagecraftError `not-found`, `integrity`, `io`
 */
export async function readCache(source: CacheSource): Promise<ImportedCache[]> {
  const what = 'The cache manifest';
  const document = parseJson(await source.manifest(), what);
  if (!isIndexType(documentType(document))) return cacheOfManifest(source, checkManifest(document, what));
  const { manifests } = checkIndex(document, what);
  const config = manifests.find(({ mediaType }) => mediaType === cacheConfigType);
  if (config !== undefined) {
    const layers = manifests.filter(entry => entry !== config);
    return [await importConfig(source, config, layers)];
  }
  const images = manifests.filter(({ platform }) => platform?.os !== 'unknown');
  const caches = images.map(async ({ digest }) => {
    const manifest = checkManifest(parseJson(await source.manifest(digest), what), what);
    return cacheOfManifest(source, manifest);
  });
  return (await Promise.all(caches)).flat();
}

async function cacheOfManifest(source: CacheSource, manifest: Manifest): Promise<ImportedCache[]> {
  if (manifest.config.mediaType === cacheConfigType)
    return [await importConfig(source, manifest.config, manifest.layers)];
  const bytes = await readWhole(source, manifest.config, documentLimit);
  const image = parseJson(bytes, 'The config of the image');
  const cache = image[inlineField];
  if (typeof cache !== 'string') return [];
  const { rootfs } = checkConfig(image, 'The config of the image');
  const { layers } = manifest;
  if (rootfs.diff_ids.length !== layers.length)
    throw new StagecraftError('integrity', 'The image that carries the cache has other layers than it says.');
  const records = parseJsonValue(Buffer.from(cache, 'base64'), 'The cache that the image carries');
  const chain = layers.map(({ digest }, i) => ({ blob: digest, parent: i - 1 }));
  const described = layers.map((layer, i) => ({
    ...layer,
    annotations: { ...layer.annotations, [diffIdAnnotation]: rootfs.diff_ids[i]! },
  }));
  const config = checkCacheConfig(chain, records ?? []);
  return [new ImportedCache(config, described, source.read, source.repository)];
}

async function importConfig(
  source: CacheSource,
  config: Descriptor,
  layers: readonly Descriptor[],
): Promise<ImportedCache> {
  const bytes = await readWhole(source, config, configLimit);
  return new ImportedCache(parseCacheConfig(bytes), layers, source.read, source.repository);
}

/** A small blob, verified. */
async function readWhole(source: CacheSource, descriptor: Descriptor, limit: number): Promise<Uint8Array> {
  const { digest, size } = descriptor;
  if (size > limit) throw new StagecraftError('integrity', `The cache config ${digest} has ${size} bytes.`);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source.read(descriptor, 0)) {
    length += chunk.length;
    if (length > size) break;
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  const actual = digestOf(bytes);
  if (actual === digest) return bytes;
  throw new StagecraftError('integrity', `The cache config ${digest} should be there, but it is ${actual}.`);
}

/** How the manifest of a cache is written. */
export interface ManifestForm {
  /** As an image's manifest, which every registry takes; else as an index of layers. */
  readonly imageManifest: boolean;
  readonly mediaTypes: 'oci' | 'docker';
}

/** The documents of a cache: its config, and the manifest around it. */
export function writeManifest(
  config: CacheConfig,
  layers: readonly Descriptor[],
  form: ManifestForm,
): { config: Document; manifest: Document } {
  const bytes = Buffer.from(JSON.stringify(config));
  const configDescriptor = { mediaType: cacheConfigType, digest: digestOf(bytes), size: bytes.length };
  const isOci = form.mediaTypes === 'oci';
  const described = isOci ? layers : layers.map(asDocker);
  const indexType = isOci ? mediaTypes.index : mediaTypes.dockerManifestList;
  const mediaType = form.imageManifest ? mediaTypes.manifest : indexType;
  const document = form.imageManifest
    ? { schemaVersion: 2, mediaType, config: configDescriptor, layers: described }
    : { schemaVersion: 2, mediaType, manifests: [...described, configDescriptor] };
  const manifest = Buffer.from(JSON.stringify(document));
  return {
    config: { bytes, descriptor: configDescriptor },
    manifest: {
      bytes: manifest,
      descriptor: { mediaType, digest: digestOf(manifest), size: manifest.length },
    },
  };
}

/** A document with what it is known by. */
export interface Document {
  readonly bytes: Buffer;
  readonly descriptor: Descriptor;
}

function asDocker(layer: Descriptor): Descriptor {
  if (isOfMount(layer)) return layer;
  if (layer.mediaType === mediaTypes.layerGzip) return { ...layer, mediaType: mediaTypes.dockerLayerGzip };
  if (layer.mediaType === mediaTypes.layer)
    return { ...layer, mediaType: 'application/vnd.docker.image.rootfs.diff.tar' };
  throw new StagecraftError('usage', 'Layers compressed with zstd need OCI media types in a cache.', {
    hint: 'Leave out oci-mediatypes=false, or add force-compression=true.',
  });
}
