import { downloadKey, imageKey } from '../cache/keys.ts';
import type { BlobStore } from '../content/blobs.ts';
import { readJson } from '../content/json.ts';
import type { ResolvedImage } from '../frontend/types.ts';
import { documentType } from '../image/manifest.ts';
import { hostPlatform } from '../image/platform.ts';
import { parseReference } from '../image/reference.ts';
import type { Platform } from '../image/types.ts';
import type { FileTree, LayerStore } from '../snapshot/types.ts';
import type { ResolvedSource, ResolveSource } from '../solver/types.ts';
import type { Download } from '../source/http.ts';
import type { FetchBlobs } from '../source/image.ts';
import { LocalTree } from '../source/local.ts';
import type { RemoteServices } from '../source/remote.ts';
import { type ReadImage, readImage } from '../store/inspect.ts';
import type { Store } from '../store/store.ts';
import type { Digest } from '../util/digest.ts';
import { isErrorCode, StagecraftError } from '../util/errors.ts';
import type { BaseImages } from './base-images.ts';
import type { ContextDirectory } from './context-directory.ts';
import { gitSource, httpSource } from './remote.ts';

export interface SourceServices {
  store: Store;
  blobs: BlobStore;
  layers: LayerStore;
  /** The images that FROM and `--from` name. */
  images: BaseImages;
  /** The directories that `local://NAME` sources read. */
  contexts: Map<string, ContextDirectory>;
  /** What `http://buildkit-session/...` sources read: what came on standard input. */
  uploads: Map<string, Download>;
  /** The layouts of `oci-layout://` sources, by their `oci.store`. */
  layouts: Map<string, BlobStore>;
  /** What sources on the network are fetched with. */
  remote: RemoteServices;
  /** What was found under addresses on the network: commits, and digests of files. */
  pins: Map<string, string>;
  /** Trees that were opened; to be closed when the build ends. */
  opened: LocalTree[];
  /** Directories that go when the build ends. */
  temporary: string[];
  /** Texts that errors point into, by the names that their ranges have. */
  texts: Map<string, Uint8Array>;
}

/** The main context as the checks see it; nothing where it is no directory. */
export function mainTree(services: SourceServices): FileTree | undefined {
  const context = services.contexts.get('context');
  if (context === undefined) return undefined;
  const tree = new LocalTree(context.directory, { excludePatterns: context.ignorePatterns });
  services.opened.push(tree);
  return tree;
}

/** Finds what the source operations of a graph name. */
export function sourceResolver(services: SourceServices): ResolveSource {
  return async (identifier, attrs, platform, progress) => {
    const [scheme, rest] = split(identifier);
    if (scheme === 'docker-image') return imageSource(services, rest, platform);
    if (scheme === 'oci-layout') return layoutSource(services, rest, attrs, platform);
    if (scheme === 'local') return localSource(services, rest, attrs);
    const upload = services.uploads.get(identifier);
    if (upload !== undefined) return uploadSource(upload);
    if (scheme === 'http' || scheme === 'https') return httpSource(services, identifier, attrs, progress);
    if (scheme === 'git') return gitSource(services, identifier, attrs, progress);
    throw new StagecraftError('unsupported', `Nothing can be read from ${identifier}.`);
  };
}

async function imageSource(
  { store, blobs, layers, images }: SourceServices,
  ref: string,
  platform = hostPlatform(),
): Promise<ResolvedSource> {
  const image = await images.read(ref, platform);
  return {
    key: imageKey(image.config.rootfs.diff_ids),
    origin: `image ${ref}`,
    sharedKeys: () => sharedKeysOfImage(ref, platform, image),
    async layers() {
      const { layersOfImage } = await import('../source/image.ts');
      const { domain, path } = parseReference(ref);
      return layersOfImage({ store, blobs, layers }, image, {
        read: (layer, from) => images.readLayer(ref, layer, from),
        repository: { domain, path },
      });
    },
    async load({ status, signal, beforeWork }) {
      beforeWork();
      const { unpackImage } = await import('../source/image.ts');
      const fetch: FetchBlobs = missing => images.fetchLayers(ref, missing, status);
      try {
        return { rootFs: await unpackImage({ store, blobs, layers, status, signal, fetch }, image) };
      } catch (error) {
        if (isErrorCode(error, 'integrity', 'confined')) await images.distrust(ref, platform);
        throw error;
      }
    },
  };
}

async function sharedKeysOfImage(
  ref: string,
  platform: Platform,
  { config }: Pick<ReadImage, 'config'>,
): Promise<readonly string[]> {
  const { imageTexts } = await import('../cache/buildkit/source.ts');
  return imageTexts(parseReference(ref).digest, platform, config.rootfs.diff_ids);
}

/** Finds images in the layouts of a build. */
export function layoutResolver({
  layouts,
}: Pick<SourceServices, 'layouts'>): (
  store: string,
  ref: string,
  platform: Platform,
) => Promise<ResolvedImage> {
  return async (store, ref, platform) => {
    const { digest } = parseReference(ref);
    const { config } = readLayoutImage(layouts, store, digest!, platform);
    return { name: ref, digest: digest!, config };
  };
}

function readLayoutImage(
  layouts: SourceServices['layouts'],
  store: string | undefined,
  digest: Digest,
  platform: Platform,
): ReadImage & { layout: BlobStore } {
  const layout = layouts.get(store ?? '');
  if (layout === undefined)
    throw new StagecraftError('not-found', `The build has no OCI layout that holds ${digest}.`);
  const size = layout.size(digest) ?? 0;
  const mediaType = documentType(readJson(layout, digest));
  return { ...readImage(layout, { mediaType, digest, size }, platform), layout };
}

/** An image of a layout: its layers come into the store when somebody needs their files. */
function layoutSource(
  { store, blobs, layers, layouts }: SourceServices,
  ref: string,
  attrs: Readonly<Record<string, string>>,
  platform = hostPlatform(),
): ResolvedSource {
  const { layout, ...image } = readLayoutImage(
    layouts,
    attrs['oci.store'],
    parseReference(ref).digest!,
    platform,
  );
  return {
    key: imageKey(image.config.rootfs.diff_ids),
    origin: `image ${ref}`,
    sharedKeys: () => sharedKeysOfImage(ref, platform, image),
    async load({ status, signal, beforeWork }) {
      beforeWork();
      const { unpackImage } = await import('../source/image.ts');
      const { adoptLayers } = await import('../source/oci-layout.ts');
      await adoptLayers(layout, blobs, image.manifest.layers, signal);
      return { rootFs: await unpackImage({ store, blobs, layers, status, signal }, image) };
    },
  };
}

function uploadSource(upload: Download): ResolvedSource {
  const metadata = { mode: 0o600, uid: 0, gid: 0 };
  return {
    key: downloadKey({ ...metadata, ...upload }),
    origin: 'standard input',
    async load() {
      const { DownloadTree } = await import('../source/http-tree.ts');
      return { tree: new DownloadTree(upload, metadata) };
    },
  };
}

function localSource(
  services: SourceServices,
  name: string,
  attrs: Readonly<Record<string, string>>,
): ResolvedSource {
  const context = services.contexts.get(name);
  if (context === undefined)
    throw new StagecraftError('not-found', `The build has no context named '${name}'.`);
  return {
    key: undefined,
    origin: `directory ${context.directory}`,
    async load() {
      const tree = new LocalTree(context.directory, {
        store: services.store,
        excludePatterns: patterns(attrs['local.excludepatterns']),
        includePatterns: patterns(attrs['local.includepattern']),
      });
      services.opened.push(tree);
      return { tree };
    },
  };
}

function patterns(json: string | undefined): string[] {
  return json === undefined ? [] : (JSON.parse(json) as string[]);
}

function split(identifier: string): [scheme: string, rest: string] {
  const at = identifier.indexOf('://');
  return at < 0 ? [identifier, ''] : [identifier.slice(0, at), identifier.slice(at + 3)];
}
