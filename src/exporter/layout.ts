import { createReadStream, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBlobs } from '../content/blobs.ts';
import { parseJson } from '../content/json.ts';
import { checkIndex } from '../image/manifest.ts';
import type { Descriptor } from '../image/types.ts';
import { makeDirectories } from '../util/directories.ts';
import { collectBlobs, indexOf, type NamedImage } from './archive.ts';
import { cannotWrite } from './destination.ts';

const nameKey = 'org.opencontainers.image.ref.name';

/**
 * Writes images into a directory as an OCI image layout (image-layout.md), next to images that are in it already; of
 * the same name the new one counts. `index.json` comes last, so that no reader sees an image that is not complete.
 * @throws StagecraftError `io` when it cannot be written; `integrity` when its present index is none
 */
export async function writeLayout(
  root: string,
  images: readonly NamedImage[],
  directory: string,
): Promise<void> {
  const from = openBlobs(root);
  const before = readLayout(directory);
  try {
    for (const part of ['blobs/sha256', 'ingest']) makeDirectories(join(directory, part));
    const to = openBlobs(directory);
    for (const { digest, size } of images.flatMap(({ descriptor }) => collectBlobs(from, descriptor)))
      if (to.size(digest) !== size) await to.write(createReadStream(from.path(digest)), { digest, size });
    writeWhole(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    const index = indexOf(images);
    const names = new Set(index.manifests.map(refName));
    const kept = before.filter(entry => !names.has(refName(entry)));
    writeWhole(
      join(directory, 'index.json'),
      JSON.stringify({ ...index, manifests: [...kept, ...index.manifests] }),
    );
  } catch (error) {
    throw cannotWrite(directory, error);
  } finally {
    rmSync(join(directory, 'ingest'), { recursive: true, force: true });
  }
}

function readLayout(directory: string): Descriptor[] {
  const path = join(directory, 'index.json');
  if (existsSync(path))
    return checkIndex(parseJson(readFileSync(path), `The file ${path}`), `The file ${path}`).manifests;
  return [];
}

function refName(entry: Descriptor): string {
  return entry.annotations?.[nameKey] ?? entry.digest;
}

function writeWhole(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, text);
  renameSync(temporary, path);
}
