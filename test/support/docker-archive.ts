import { createHash } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tool } from './program.ts';

const oci = 'application/vnd.oci.image';

/**
 * Makes an OCI layout of what `docker save` wrote of one image; its tag there is `latest`. The configuration stays as it
 * is: on the way through other tools, what Docker knows and OCI does not is lost.
 */
export async function makeLayout(archive: string, layout: string): Promise<void> {
  const files = `${layout}-saved`;
  for (const directory of [files, join(layout, 'blobs', 'sha256')]) mkdirSync(directory, { recursive: true });
  await tool('tar', '-C', files, '-xf', archive);
  const read = (name: string): Buffer => readFileSync(join(files, name));
  const write = (content: string | Buffer, type: string) => {
    const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    writeFileSync(blobOf(layout, digest), content);
    return { mediaType: `${oci}.${type}.v1+json`, digest, size: content.length };
  };
  const [saved] = JSON.parse(read('manifest.json').toString());
  const config = read(saved.Config);
  const digests: string[] = JSON.parse(config.toString()).rootfs.diff_ids;
  const layers = digests.map((digest, index) => {
    // An archive holds each layer once, and links to it after that.
    const file = realpathSync(join(files, saved.Layers[index]));
    link(file, blobOf(layout, digest));
    return { mediaType: `${oci}.layer.v1.tar`, digest, size: statSync(file).size };
  });
  const manifest = { schemaVersion: 2, config: write(config, 'config'), layers };
  const described = write(JSON.stringify(manifest), 'manifest');
  const annotations = { 'org.opencontainers.image.ref.name': 'latest' };
  const index = { schemaVersion: 2, manifests: [{ ...described, annotations }] };
  writeFileSync(join(layout, 'index.json'), JSON.stringify(index));
  writeFileSync(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
}

function blobOf(layout: string, digest: string): string {
  return join(layout, 'blobs', digest.replace(':', '/'));
}

/** Two layers can be the same. */
function link(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
