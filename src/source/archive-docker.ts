import { asObject, putJson } from '../content/json.ts';
import { checkConfig } from '../image/manifest.ts';
import { type Descriptor, mediaTypes } from '../image/types.ts';
import type { Store } from '../store/store.ts';
import type { Digest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import {
  type ArchiveContent,
  archivedName,
  type FoundImage,
  fileOf,
  formOf,
  readFile,
} from './archive-files.ts';
import { checkLayer } from './layer-content.ts';

/** One image in Docker's `manifest.json`. */
interface DockerEntry {
  config: string;
  names: string[];
  layers: string[];
}

const layerTypes = { none: mediaTypes.layer, gzip: mediaTypes.layerGzip, zstd: mediaTypes.layerZstd };

/**
 * The images of an archive in Docker's own format. They have no manifest, so one is made around their config, whose
 * digest is the image ID in Docker, and their layers as they are.
 */
export async function findDockerImages(store: Store, content: ArchiveContent): Promise<FoundImage[]> {
  const found: FoundImage[] = [];
  for (const entry of readEntries(content)) found.push(await readImage(store, content, entry));
  return found;
}

/** Names by the digest of the config they belong to. */
export function readDockerNames(content: ArchiveContent): Map<Digest, string[]> {
  return new Map(readEntries(content).map(({ config, names }) => [fileOf(content, config).digest, names]));
}

function readEntries(content: ArchiveContent): DockerEntry[] {
  const list = readFile(content, 'manifest.json');
  if (!Array.isArray(list)) throw new StagecraftError('integrity', 'manifest.json is not a list of images.');
  return list.map((entry: Record<string, unknown> | null) => {
    const { Config: config, Layers: layers, RepoTags: tags } = entry ?? {};
    if (typeof config !== 'string' || !isTextList(layers ?? []) || !isTextList(tags ?? []))
      throw new StagecraftError('integrity', 'manifest.json has an image without config, layers or names.');
    return {
      config,
      layers: (layers ?? []) as string[],
      names: ((tags ?? []) as string[]).map(archivedName),
    };
  });
}

async function readImage(store: Store, content: ArchiveContent, entry: DockerEntry): Promise<FoundImage> {
  const { blobs } = content;
  const configFile = fileOf(content, entry.config);
  const what = `The config ${entry.config}`;
  const config = checkConfig(asObject(readFile(content, entry.config), what), what);
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== entry.layers.length)
    throw new StagecraftError(
      'integrity',
      `manifest.json has ${entry.layers.length} layers for ${entry.config}, which counts ${diffIds.length}.`,
    );
  const layers: Descriptor[] = [];
  for (const [index, path] of entry.layers.entries()) {
    const { digest, size } = fileOf(content, path);
    const form = await formOf(blobs, digest);
    if (form !== 'none' && form !== 'gzip' && form !== 'zstd')
      throw new StagecraftError(
        'unsupported',
        `The layer ${path} is compressed with ${form}, which images do not have.`,
      );
    await checkLayer(store, blobs, digest, diffIds[index]!);
    layers.push({ mediaType: layerTypes[form], digest, size });
  }
  const manifest = putJson(blobs, {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, ...configFile },
    layers,
  });
  return {
    descriptor: { mediaType: mediaTypes.manifest, ...manifest },
    names: entry.names,
    blobs: [manifest.digest, configFile.digest, ...layers.map(layer => layer.digest)],
  };
}

function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every(each => typeof each === 'string');
}
