import { readJson } from '../content/json.ts';
import { checkConfig, checkManifest } from '../image/manifest.ts';
import type { Digest } from '../util/digest.ts';
import { writeArchive } from './archive.ts';
import { openEngine } from './engine.ts';
import type { CommittedImage, ExportServices } from './types.ts';

/**
 * Gives an image to the running Docker engine, without the layers at its base that the engine has.
 * @param names full references
 * @throws StagecraftError `io` where the engine cannot be reached or does not take it
 */
export async function loadIntoEngine(
  { store, blobs, status, signal }: ExportServices,
  { descriptor }: CommittedImage,
  names: readonly string[],
): Promise<void> {
  const engine = openEngine(process.env, signal);
  const { layers, config } = checkManifest(readJson(blobs, descriptor.digest), 'The image');
  const { diff_ids: diffIds } = checkConfig(readJson(blobs, config.digest), 'The config').rootfs;
  const shared = Math.max(0, ...(await engine.layers()).map(known => commonStart(known, diffIds)));
  const without = new Set(layers.slice(0, shared).map(({ digest }) => digest));
  // A layer that is needed further up must come after all.
  for (const { digest } of layers.slice(shared)) without.delete(digest);
  const archive = writeArchive(store.root, [{ descriptor, names }], 'docker', without);
  await engine.load(counted(archive, done => status?.('sending to Docker', done)));
}

function commonStart(one: readonly Digest[], other: readonly Digest[]): number {
  const end = one.findIndex((digest, i) => digest !== other[i]);
  return Math.min(end < 0 ? one.length : end, other.length);
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  tell: (done: number) => void,
): AsyncGenerator<Uint8Array> {
  let done = 0;
  for await (const chunk of source) {
    done += chunk.length;
    tell(done);
    yield chunk;
  }
}
