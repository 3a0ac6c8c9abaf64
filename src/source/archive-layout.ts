import { asObject, readJson } from '../content/json.ts';
import { checkConfig, checkIndex, checkManifest, isIndexType, isManifestType } from '../image/manifest.ts';
import type { Descriptor } from '../image/types.ts';
import type { Store } from '../store/store.ts';
import type { Digest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { readDockerNames } from './archive-docker.ts';
import { type ArchiveContent, archivedName, type FoundImage, readFile } from './archive-files.ts';
import { checkLayer } from './layer-content.ts';

/**
 * The images of an archive that is an OCI image layout (image-layout.md). Of an index, parts for other platforms may
 * be missing.
 */
export async function findLayoutImages(store: Store, content: ArchiveContent): Promise<FoundImage[]> {
  const index = checkIndex(
    asObject(readFile(content, 'index.json'), 'The file index.json'),
    'The file index.json',
  );
  const found = new Map<Digest, FoundImage>();
  for (const entry of index.manifests) {
    const names = namesOf(entry);
    const before = found.get(entry.digest);
    if (before) before.names.push(...names);
    else {
      const blobs = await collect(store, content, entry);
      if (blobs === undefined)
        throw new StagecraftError(
          'integrity',
          `The image archive lacks ${entry.digest}, which index.json names.`,
        );
      const { mediaType, digest, size } = entry;
      found.set(digest, { descriptor: { mediaType, digest, size }, names, blobs });
    }
  }
  // Podman and skopeo name images in manifest.json only, where an archive has both.
  if (content.files.has('manifest.json') && [...found.values()].every(image => image.names.length === 0)) {
    const names = readDockerNames(content);
    for (const image of found.values())
      for (const digest of image.blobs) image.names.push(...(names.get(digest) ?? []));
  }
  for (const image of found.values()) image.names = [...new Set(image.names)];
  return [...found.values()];
}

/** Everything below a descriptor, checked; nothing where it is not in the archive. */
async function collect(
  store: Store,
  content: ArchiveContent,
  descriptor: Descriptor,
): Promise<Digest[] | undefined> {
  const { blobs } = content;
  const { digest, mediaType } = descriptor;
  const size = blobs.size(digest);
  if (size === undefined) return undefined;
  const what = `The image ${digest}`;
  if (size !== descriptor.size)
    throw new StagecraftError(
      'integrity',
      `${what} has ${size} bytes where ${descriptor.size} were expected.`,
    );
  if (isIndexType(mediaType)) {
    const collected = [digest];
    const entries = checkIndex(readJson(blobs, digest), what).manifests;
    const parts = await Promise.all(entries.map(entry => collect(store, content, entry)));
    for (const part of parts) collected.push(...(part ?? []));
    if (entries.length > 0 && parts.every(part => part === undefined))
      throw new StagecraftError('integrity', `${what} has no part that is in the archive.`);
    return collected;
  }
  if (!isManifestType(mediaType))
    throw new StagecraftError('integrity', `${what} is neither a manifest nor an index but ${mediaType}.`);
  const manifest = checkManifest(readJson(blobs, digest), what);
  for (const part of [manifest.config, ...manifest.layers]) {
    const stored = blobs.size(part.digest);
    if (stored === undefined)
      throw new StagecraftError(
        'integrity',
        `The image archive lacks the blob ${part.digest} of image ${digest}.`,
      );
    if (stored !== part.size)
      throw new StagecraftError(
        'integrity',
        `The blob ${part.digest} has ${stored} bytes, but image ${digest} says ${part.size}.`,
      );
  }
  // Attestations have no root file system.
  if (descriptor.platform?.os !== 'unknown' && isContainerImage(manifest.config.mediaType)) {
    const config = checkConfig(readJson(blobs, manifest.config.digest), `The config of image ${digest}`);
    if (config.rootfs.diff_ids.length !== manifest.layers.length)
      throw new StagecraftError(
        'integrity',
        `${what} has ${manifest.layers.length} layers, but its config counts ${config.rootfs.diff_ids.length}.`,
      );
    for (const [index, layer] of manifest.layers.entries())
      await checkLayer(store, blobs, layer.digest, config.rootfs.diff_ids[index]!);
  }
  return [digest, manifest.config.digest, ...manifest.layers.map(layer => layer.digest)];
}

function isContainerImage(configType: string): boolean {
  return /^application\/vnd\.(oci\.image\.config\.v1|docker\.container\.image\.v1)\+json$/.test(configType);
}

/** The full name that containerd and Docker annotate, else the reference name where it is more than a tag. */
function namesOf({ annotations = {} }: Descriptor): string[] {
  const full = annotations['io.containerd.image.name'];
  const short = annotations['org.opencontainers.image.ref.name'];
  const name = full ?? (short !== undefined && /[/:]/.test(short) ? short : undefined);
  return name === undefined ? [] : [archivedName(name)];
}
