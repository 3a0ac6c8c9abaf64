import { imageKey } from '../cache/keys.ts';
import type { BlobStore } from '../content/blobs.ts';
import type { ResolveImage } from '../frontend/types.ts';
import { hostPlatform } from '../image/platform.ts';
import { familiarName, normalizeReference, parseReference } from '../image/reference.ts';
import type { Descriptor } from '../image/types.ts';
import type { LayerStore } from '../snapshot/types.ts';
import type { ResolvedSource, ResolveSource } from '../solver/types.ts';
import { LocalTree } from '../source/local.ts';
import { findImage } from '../store/images.ts';
import { readImage } from '../store/inspect.ts';
import type { Store } from '../store/store.ts';
import { StagecraftError } from '../util/errors.ts';
import type { ContextInput } from './inputs.ts';

export interface SourceServices {
  store: Store;
  blobs: BlobStore;
  layers: LayerStore;
  /** The directories that `local://NAME` sources read. */
  contexts: Map<string, ContextInput>;
  /** Trees that were opened; to be closed when the build ends. */
  opened: LocalTree[];
}

/** Finds images in the local store. */
export function imageResolver({ store, blobs }: SourceServices): ResolveImage {
  return async (ref, platform) => {
    const name = normalizeReference(ref);
    const { descriptor } = findBase(store, ref);
    const { config } = readImage(blobs, descriptor, platform);
    return { name, digest: descriptor.digest, config };
  };
}

/** Finds what the source operations of a graph name. */
export function sourceResolver(services: SourceServices): ResolveSource {
  return async (identifier, attrs, platform) => {
    const [scheme, rest] = split(identifier);
    if (scheme === 'docker-image') return imageSource(services, rest, platform);
    if (scheme === 'local') return localSource(services, rest, attrs);
    throw new StagecraftError(
      'unsupported',
      `Sources of the form ${scheme}:// cannot be read yet: ${identifier}.`,
      { hint: 'Put it into the build context, or fetch it in a RUN.' },
    );
  };
}

function imageSource(services: SourceServices, ref: string, platform = hostPlatform()): ResolvedSource {
  const { store, blobs, layers } = services;
  const { digest } = parseReference(ref);
  const descriptor = findBase(store, digest ?? ref).descriptor;
  const image = readImage(blobs, descriptor, platform);
  return {
    key: imageKey(image.config.rootfs.diff_ids),
    origin: `image ${ref}`,
    async load({ status, signal }) {
      const { unpackImage } = await import('../source/image.ts');
      return { rootFs: await unpackImage({ store, blobs, layers, status, signal }, image) };
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

function findBase(store: Store, ref: string): { descriptor: Descriptor } {
  try {
    return findImage(store, ref);
  } catch (error) {
    if (!(error instanceof StagecraftError) || error.code !== 'not-found') throw error;
    const name = familiarName(normalizeReference(ref));
    throw new StagecraftError('not-found', `The base image ${name} is not in the local store.`, {
      hint: [
        `Make it with \`stagecraft base -t ${name} --suite bookworm\`, or bring it with \`stagecraft load -i FILE\`.`,
        '`stagecraft images` lists those that are there.',
      ].join('\n'),
      cause: error,
    });
  }
}

function split(identifier: string): [scheme: string, rest: string] {
  const at = identifier.indexOf('://');
  return at < 0 ? [identifier, ''] : [identifier.slice(0, at), identifier.slice(at + 3)];
}
