import type { CopyAction } from '../llb/ops.ts';
import type { DigestedTree } from '../source/types.ts';
import { type ByteString, bytesFromText } from '../util/bytes.ts';
import { StagecraftError } from '../util/errors.ts';
import { CopyTarget } from './copy-target.ts';
import { directoryMetadata, type Making } from './making.ts';
import type { OpenLayer } from './open-layer.ts';
import { clean, parentOf } from './path.ts';
import { filterOf, selectSources, walkSelected } from './selection.ts';

/**
 * Copies what a copy action names from a tree into a draft: BuildKit's `FileActionCopy`, which copies in the manner
 * of `cp -a`.
 */
export async function copy(
  action: CopyAction,
  tree: DigestedTree,
  layer: OpenLayer,
  making: Making,
): Promise<void> {
  const { writer } = layer;
  const dest = bytesFromText(action.dest);
  const cleanDest = clean(dest);
  if (!action.createDestPath) requireParent(layer, cleanDest);
  const filter = filterOf(action);
  const missing = directoryMetadata(action, making);
  // A destination that ends in a slash is a directory; else it is the name that the copy gets, or a directory.
  const isDirectory = /\/\.?$/.test(dest);
  const target = new CopyTarget(action, tree, layer, making);
  const unpack = action.attemptUnpack ? (await import('./unpack.ts')).unpackArchive : undefined;
  for (const source of selectSources(tree, action)) {
    if (await unpack?.(tree, source, cleanDest, layer, missing, making)) continue;
    writer.makeDirectories(isDirectory ? cleanDest : parentOf(cleanDest), missing);
    let root = writer.tree.resolve(cleanDest);
    const existing = writer.tree.lstat(root);
    const takesDirectory = source.entry.type === 'directory';
    if (takesDirectory ? !action.dirCopyContents && existing !== undefined : existing?.type === 'directory')
      root = join(root, source.name);
    const isNew = takesDirectory && action.dirCopyContents && existing === undefined;
    writer.makeDirectories(isNew ? root : parentOf(root), missing);
    await target.fill(root, visitor => walkSelected(tree, source, filter, visitor, making.pace));
  }
}

function requireParent(layer: OpenLayer, dest: ByteString): void {
  const { tree } = layer.writer;
  if (tree.lstat(parentOf(tree.resolve(dest))) === undefined)
    throw new StagecraftError('not-found', `There is no directory to copy ${JSON.stringify(dest)} into.`);
}

function join(directory: ByteString, name: ByteString): ByteString {
  if (name === '') return directory;
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}
