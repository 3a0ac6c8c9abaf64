import type { BlobStore } from '../content/blobs.ts';
import { readJson } from '../content/json.ts';
import { checkConfig, checkManifest, isIndexType } from '../image/manifest.ts';
import type { Digest } from '../util/digest.ts';
import { writeArchive } from './archive.ts';
import { openEngine } from './engine.ts';
import { isForEngine } from './outputs.ts';
import type { CommittedImage, ExportServices, Output } from './types.ts';

/**
 * Gives an image to the running Docker engine, without the layers at its base that the engine has. Returns the image as
 * the engine knows it: by its config, or by its manifest or index.
 * @param names full references
 * @throws StagecraftError `io` where the engine cannot be reached or does not take it
 */
export async function loadIntoEngine(
  { store, blobs, status, signal }: ExportServices,
  image: CommittedImage,
  names: readonly string[],
): Promise<CommittedImage> {
  const engine = openEngine(process.env, signal);
  const isWhole = await engine.keepsWhole();
  const without = isWhole ? new Set<Digest>() : knownLayers(blobs, image, await engine.layers());
  const { descriptor } = image;
  const format = isIndexType(descriptor.mediaType) ? 'oci' : 'docker';
  const archive = writeArchive(store.root, [{ descriptor, names }], format, without);
  await engine.load(counted(archive, (done, total) => status?.('sending to Docker', done, total)));
  const { configDigest: _, ...whole } = image;
  return isWhole ? whole : image;
}

/** The layers at the base of an image that another image has there too. */
function knownLayers(
  blobs: BlobStore,
  { descriptor }: CommittedImage,
  images: readonly (readonly Digest[])[],
): Set<Digest> {
  const { layers, config } = checkManifest(readJson(blobs, descriptor.digest), 'The image');
  const { diff_ids: diffIds } = checkConfig(readJson(blobs, config.digest), 'The config').rootfs;
  const shared = Math.max(0, ...images.map(known => commonStart(known, diffIds)));
  const without = new Set(layers.slice(0, shared).map(({ digest }) => digest));
  // A layer that is needed further up must come after all.
  for (const { digest } of layers.slice(shared)) without.delete(digest);
  return without;
}

/**
 * Outputs of an index, or of attestations, to the running engine, as far as it takes them: Docker's own form holds
 * neither, so that such an output is then one of an OCI layout.
 * @throws StagecraftError `io` where the engine cannot be reached
 */
export async function forEngine(outputs: readonly Output[], signal?: AbortSignal): Promise<Output[]> {
  if (!(await openEngine(process.env, signal).keepsWhole())) return [...outputs];
  return outputs.map(output => (isForEngine(output) ? { ...output, type: 'oci' } : output));
}

function commonStart(one: readonly Digest[], other: readonly Digest[]): number {
  const end = one.findIndex((digest, i) => digest !== other[i]);
  return Math.min(end < 0 ? one.length : end, other.length);
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  tell: (done: number, total?: number) => void,
): AsyncGenerator<Uint8Array> {
  let done = 0;
  for await (const chunk of source) {
    done += chunk.length;
    tell(done);
    yield chunk;
  }
  tell(done, done);
}
