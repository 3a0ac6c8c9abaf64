import type { Digest } from '../util/digest.ts';
import type { Store } from './store.ts';

/** Where the Dockerfile that made an image has the instruction of each of its layers. */
export interface LayerOrigins {
  /** The Dockerfile, as builds name it. */
  readonly file: string;
  /** For each layer, base first: a line, counted from 1; null where the layer came with the base image. */
  readonly lines: readonly (number | null)[];
}

/** Notes it for a manifest that was made here. */
export function noteOrigins(store: Store, manifest: Digest, { file, lines }: LayerOrigins): void {
  const known = store.prepare('SELECT file, lines FROM image_origins WHERE digest = ?').get(manifest);
  const text = JSON.stringify(lines);
  // A build that has nothing to do writes nothing.
  if (known?.file === file && known.lines === text) return;
  store.prepare('INSERT OR REPLACE INTO image_origins VALUES (?, ?, ?)').run(manifest, file, text);
}

/** What is known of a manifest; nothing where it was made elsewhere. */
export function originsOf(store: Store, manifest: Digest): LayerOrigins | undefined {
  const row = store.prepare('SELECT file, lines FROM image_origins WHERE digest = ?').get(manifest);
  if (row === undefined) return undefined;
  return { file: String(row.file), lines: JSON.parse(String(row.lines)) as (number | null)[] };
}
