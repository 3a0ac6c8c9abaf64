import { readdirSync } from 'node:fs';
import { type ByteString, bytesFromText, fsPath } from '../util/bytes.ts';
import { clearOpaque, isOpaque } from './overlay.ts';
import type { RootView, ViewDirectory } from './root-view.ts';
import { join } from './tree.ts';

/**
 * Takes the mark "opaque" from directories of an upper directory that hide nothing. The kernel marks every directory
 * it makes, only to be faster; kept, the mark would hide directories that the layer never saw, once it is put on
 * another base (LLB's MergeOp, `COPY --link`), and each would cost a whiteout in the image.
 */
export function tidyUpper(dir: string, below: RootView): void {
  tidy(bytesFromText(dir), below, below.root);
}

function tidy(place: ByteString, below: RootView, directory: ViewDirectory): void {
  for (const entry of readdirSync(fsPath(place), { withFileTypes: true, encoding: 'latin1' })) {
    if (!entry.isDirectory()) continue;
    const each = join(place, entry.name);
    const hidden = below.child(directory, entry.name);
    // In a directory that is new as a whole the kernel marks none.
    if (hidden?.type !== 'directory') clearOpaque(each);
    else if (!isOpaque(each)) tidy(each, below, below.enter(directory, entry.name, hidden));
  }
}
