import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { FileTree } from '../snapshot/types.ts';
import { bytesFromText } from '../util/bytes.ts';

/** Where every container has file systems of its own. */
const mountpoints = ['/dev', '/proc', '/sys'];

/**
 * Makes the directories that every container needs and that stay in the layer, as with Docker. Each runtime would make
 * them too, but crun gives `/dev` another mode, and then the same step would make another layer.
 */
export function makeMountpoints(view: FileTree, upper: string): void {
  for (const path of mountpoints) {
    if (view.lstat(bytesFromText(path)) !== undefined) continue;
    mkdirSync(join(upper, path));
    chmodSync(join(upper, path), 0o755);
  }
}
