import { createReadStream, mkdirSync, renameSync, rmSync } from 'node:fs';
import { type BlobStore, openBlobs } from '../content/blobs.ts';
import { ingestPath } from '../content/ingest.ts';
import { blobsOf } from '../store/blobs.ts';
import { nameImage } from '../store/images.ts';
import { takeLease } from '../store/leases.ts';
import type { Store } from '../store/store.ts';
import type { Digest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { findDockerImages } from './archive-docker.ts';
import { type ReadOptions, unpackArchive } from './archive-files.ts';
import { findLayoutImages } from './archive-layout.ts';

export interface LoadedImage {
  /** Full references; none for an image without name. */
  names: string[];
  /** Of the manifest or index. */
  digest: Digest;
}

/**
 * Takes images from an archive as `docker save`, `podman save`, `skopeo copy` and BuildKit write them: Docker's format
 * or an OCI layout in a tar, compressed or not. All digests are checked, those of unpacked layers too. Nothing enters
 * the store before everything was checked, and no name in the archive is ever used as a path.
 * @throws StagecraftError `integrity` when anything is wrong with the archive
 */
export async function loadImages(
  store: Store,
  source: AsyncIterable<Uint8Array>,
  options: ReadOptions = {},
): Promise<LoadedImage[]> {
  const lease = takeLease(store);
  const stage = ingestPath(store.root, 'load');
  try {
    for (const directory of ['blobs/sha256', 'ingest'])
      mkdirSync(`${stage}/${directory}`, { recursive: true });
    const content = await unpackArchive(openBlobs(stage), source, options);
    // An archive with both is Docker's newer form, or containerd's: the layout keeps the manifests' own digests.
    const images = content.files.has('index.json')
      ? await findLayoutImages(store, content)
      : content.files.has('manifest.json')
        ? await findDockerImages(store, content)
        : undefined;
    if (images === undefined || images.length === 0)
      throw new StagecraftError('integrity', 'The archive holds no image.', {
        hint: 'It must be what `docker save`, `podman save` or `type=oci` and `type=docker` outputs write.',
      });
    for (const digest of new Set(images.flatMap(image => image.blobs))) adopt(store, content.blobs, digest);
    for (const { descriptor, names } of images) nameImage(store, descriptor, names);
    return images.map(({ descriptor, names }) => ({ names, digest: descriptor.digest }));
  } finally {
    rmSync(stage, { recursive: true, force: true });
    lease.release();
  }
}

/** Moves a blob into the store, unless it has that already. */
function adopt(store: Store, from: BlobStore, digest: Digest): void {
  const to = blobsOf(store);
  store.transaction(() => {
    if (!to.use(digest) || to.size(digest) !== from.size(digest))
      renameSync(from.path(digest), to.path(digest));
  });
}

/**
 * An archive to load: a file, or standard input for `-`.
 * @throws StagecraftError `usage` for a terminal; `not-found` or `io` where the file cannot be read
 */
export async function* openArchive(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  if (path === '-' && process.stdin.isTTY)
    throw new StagecraftError('usage', 'An archive is not read from a terminal.', {
      hint: 'Redirect standard input, or name a file.',
    });
  try {
    yield* path === '-' ? process.stdin : createReadStream(path, { highWaterMark: 1 << 18 });
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    const code = error.code === 'ENOENT' ? 'not-found' : 'io';
    throw new StagecraftError(code, `Cannot read the archive ${path}: ${error.message}.`, { cause: error });
  }
}
