import { configPlatform } from '../image/manifest.ts';
import { formatPlatform } from '../image/platform.ts';
import { normalizeReference, parseReference } from '../image/reference.ts';
import type { RemoteLayer } from '../image/remote-layer.ts';
import type { LayerStore } from '../snapshot/types.ts';
import { nameImage } from '../store/images.ts';
import type { Digest } from '../util/digest.ts';
import { forImage } from './attestations.ts';
import { writeDestination } from './destination.ts';
import { commitImage } from './image.ts';
import { imageMetadata } from './metadata.ts';
import { refuseOverlaps, type TreeToWrite } from './tree.ts';
import type { BuildOutcome, CommittedImage, ExportServices, ImageOptions, Output } from './types.ts';

/** What an export has made. */
export interface Exported {
  /** The image, for the outputs that make one. */
  image?: CommittedImage;
  /** Full references that the image got. */
  names: string[];
  /** For `--metadata-file`. */
  metadata: Record<string, unknown>;
  /** For `local`: device files that were left out, as only root can make them. */
  skipped: string[];
}

/** What all outputs of one build share. */
export interface BuildOptions {
  /** Full references from `--tag`, besides those that the output names. */
  names: readonly string[];
  /** `SOURCE_DATE_EPOCH`, for outputs that say none: seconds since the epoch. */
  epoch?: number | undefined;
  /** From `--annotation`. */
  annotations?: ImageOptions['annotations'];
}

/**
 * Writes the result of a build to one output.
 * @throws StagecraftError as the single exporters
 */
export async function exportBuild(
  services: ExportServices,
  layers: LayerStore,
  outcome: BuildOutcome,
  output: Output,
  build: BuildOptions,
): Promise<Exported> {
  const epoch = output.image.epoch ?? build.epoch;
  switch (output.type) {
    case 'cacheonly':
      return nothing;
    case 'tar':
    case 'local':
      return exportFiles(services, layers, outcome, output, epoch);
    default:
      return exportImage(services, outcome, output, { ...build, epoch });
  }
}

const nothing: Exported = { names: [], metadata: {}, skipped: [] };

async function exportFiles(
  services: ExportServices,
  layers: LayerStore,
  { results, index }: BuildOutcome,
  output: Output,
  epoch: number | undefined,
): Promise<Exported> {
  services.beforeRead?.();
  const isSplit = output.platformSplit ?? index;
  const trees = results.map(({ rootFs, config }): TreeToWrite => {
    const platform = formatPlatform(configPlatform(config));
    return {
      tree: layers.view(rootFs),
      platform,
      prefix: isSplit ? platform.replaceAll('/', '_') : undefined,
    };
  });
  refuseOverlaps(trees);
  for (const [i, { attestations = [] }] of results.entries()) {
    if (attestations.length === 0) continue;
    const { statementFiles } = await import('./statement-files.ts');
    trees[i]!.added = await statementFiles(trees[i]!.tree, attestations, {
      prefix: output.attestationPrefix ?? '',
      platform: index && !isSplit ? trees[i]!.platform!.replaceAll('/', '_') : undefined,
      created: epoch === undefined ? undefined : new Date(epoch * 1000).toISOString(),
      signal: services.signal,
    });
  }
  const options = { epoch, ...(services.signal ? { signal: services.signal } : {}) };
  if (output.type === 'tar') {
    const { writeTrees } = await import('./tar.ts');
    await writeDestination(output.dest!, writeTrees(trees, options));
    return nothing;
  }
  const { writeLocal } = await import('./local.ts');
  return { ...nothing, ...(await writeLocal(trees, output.dest!, { ...options, mode: output.mode })) };
}

async function exportImage(
  services: ExportServices,
  outcome: BuildOutcome,
  output: Output,
  build: BuildOptions,
): Promise<Exported> {
  const attested = forImage(outcome, output);
  const { epoch } = build;
  const { root } = services.store;
  const given = [...new Set([...build.names, ...output.names])];
  const annotations = [...(build.annotations ?? []), ...(output.image.annotations ?? [])];
  const image = await commitImage(services, attested, { ...output.image, epoch, annotations }, given);
  const names = withDanglingName(given, output, image.descriptor.digest);
  if (output.type === 'image' || output.type === 'registry') {
    const remote = remoteLayersOf(outcome);
    if (output.push) await pushNames(services, image, names, output, remote);
    // What only goes to a registry has no name here, and what is not all here is no image of the store.
    if (output.type === 'image' && output.store)
      nameImage(services.store, image.descriptor, storeNames(names, output, image.descriptor.digest));
    else if (remote.size === 0) nameImage(services.store, image.descriptor, []);
    return { image, names, metadata: imageMetadata(image, names), skipped: [] };
  }
  if (output.dest === undefined) {
    const { loadIntoEngine } = await import('./load.ts');
    const loaded = await loadIntoEngine(services, image, names);
    return { image: loaded, names, metadata: imageMetadata(loaded, names), skipped: [] };
  }
  const time = new Date(epoch === undefined ? Date.now() : epoch * 1000);
  const created = time.toISOString().replace(/\.\d+Z$/, 'Z');
  const named = { descriptor: image.descriptor, names, created };
  if (output.tar) {
    const { writeArchive } = await import('./archive.ts');
    await writeDestination(
      output.dest,
      writeArchive(root, [named], output.type === 'oci' ? 'oci' : 'docker'),
    );
  } else {
    const { writeLayout } = await import('./layout.ts');
    await writeLayout(root, [named], output.dest);
  }
  return { image, names, metadata: imageMetadata(image, names, created), skipped: [] };
}

/** The layers that lie elsewhere. */
function remoteLayersOf({ results }: BuildOutcome): Map<Digest, RemoteLayer> {
  const remote = new Map<Digest, RemoteLayer>();
  for (const layer of results.flatMap(({ layers = [] }) => layers))
    if (typeof layer !== 'string') remote.set(layer.descriptor.digest, layer);
  return remote;
}

/** The names of an image, with the one that its digest gives it where that is asked for. */
function withDanglingName(
  names: readonly string[],
  { danglingPrefix, danglingEmptyOnly }: Output,
  digest: Digest,
): string[] {
  if (danglingPrefix === undefined || (danglingEmptyOnly && names.length > 0)) return [...names];
  return [...names, normalizeReference(`${danglingPrefix}@${digest}`)];
}

/** The names that an image gets in the store: with each of its own also `NAME@DIGEST`, where that is asked for. */
function storeNames(names: readonly string[], { nameCanonical }: Output, digest: Digest): string[] {
  if (!nameCanonical) return [...names];
  return names.flatMap(name => (name.includes('@') ? [name] : [name, `${name}@${digest}`]));
}

async function pushNames(
  { store, blobs, registries, status, signal }: ExportServices,
  { descriptor }: CommittedImage,
  names: readonly string[],
  { pushByDigest: byDigest, insecure }: Output,
  remote: ReadonlyMap<Digest, RemoteLayer>,
): Promise<void> {
  const { pushImage } = await import('../registry/push.ts');
  const { otherHolders } = await import('../store/holders.ts');
  const opened = await registries!();
  /** Repositories that have all of it by now, by registry. */
  const pushed = new Map<string, string>();
  for (const name of names) {
    const reference = parseReference(name);
    const holder = otherHolders(store, reference);
    const first = pushed.get(reference.domain);
    const place = (digest: Digest): string | undefined => {
      const { domain, path } = remote.get(digest)?.repository ?? {};
      return domain === reference.domain && path !== reference.path ? path : undefined;
    };
    await pushImage(opened, blobs, reference, descriptor, {
      byDigest,
      insecure,
      signal,
      remote,
      mountFrom: digest => first ?? place(digest) ?? holder(digest),
      status: (id, current, total) => status?.(id, current, total),
    });
    pushed.set(reference.domain, reference.path);
  }
}
