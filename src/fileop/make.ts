import type { MkdirAction, MkfileAction, RmAction, SymlinkAction } from '../llb/ops.ts';
import { unsetTimeNs } from '../snapshot/times.ts';
import { type ByteString, bytesFromText } from '../util/bytes.ts';
import { StagecraftError } from '../util/errors.ts';
import { directoryMetadata, type Making, timeOf } from './making.ts';
import type { OpenLayer } from './open-layer.ts';
import { clean, parentOf } from './path.ts';
import { expandWildcards, hasWildcards, resolveParents } from './wildcards.ts';

/** Makes a directory, with `makeParents` all that is missing above it; one that is there stays as it is. */
export function mkdir(action: MkdirAction, layer: OpenLayer, making: Making): void {
  const { writer } = layer;
  const path = writer.tree.resolve(clean(bytesFromText(action.path)));
  const metadata = directoryMetadata(action, making);
  if (action.makeParents) writer.makeDirectories(path, metadata);
  else if (writer.tree.lstat(path) === undefined) writer.putDirectory(path, metadata);
}

/** Writes a file, following symlinks; one that is there keeps its mode, and its owner unless another is asked for. */
export function mkfile(action: MkfileAction, layer: OpenLayer, making: Making): void {
  const { writer } = layer;
  const path = writer.tree.resolve(clean(bytesFromText(action.path)));
  const existing = writer.tree.lstat(path);
  if (existing?.type === 'directory')
    throw new StagecraftError('usage', `${JSON.stringify(action.path)} is a directory, not a file to write.`);
  layer.table.forget(path);
  writer.putFile(
    path,
    { data: action.data },
    {
      mode: existing?.mode ?? action.mode & 0o777,
      uid: making.owner?.uid ?? existing?.uid ?? 0,
      gid: making.owner?.gid ?? existing?.gid ?? 0,
      mtimeNs: timeOf(action) ?? unsetTimeNs,
    },
  );
}

/** @throws StagecraftError `usage` if there is something at the path */
export function symlink(action: SymlinkAction, layer: OpenLayer, making: Making): void {
  const { writer } = layer;
  const path = writer.tree.resolve(clean(bytesFromText(action.newPath)));
  if (writer.tree.lstat(path) !== undefined)
    throw new StagecraftError(
      'usage',
      `${JSON.stringify(action.newPath)} exists; no symlink can be made there.`,
    );
  writer.putSymlink(path, bytesFromText(action.oldPath), {
    mode: 0o777,
    uid: making.owner?.uid ?? 0,
    gid: making.owner?.gid ?? 0,
    mtimeNs: timeOf(action) ?? unsetTimeNs,
  });
}

/** Removes a path, or all that its pattern matches, with what is below. Never follows a symlink in the last part. */
export function rm(action: RmAction, layer: OpenLayer): void {
  const { tree } = layer.writer;
  const isPattern = action.allowWildcard && hasWildcards(action.path);
  const paths = isPattern
    ? (expandWildcards(tree, action.path, false) ?? [])
    : [clean(bytesFromText(action.path))];
  for (const path of paths) removeOne(path, action, layer);
}

function removeOne(path: ByteString, action: RmAction, layer: OpenLayer): void {
  if (path === '/') throw new StagecraftError('usage', 'The root of an image cannot be removed.');
  const { writer } = layer;
  const place = resolveParents(writer.tree, path);
  const isThere = writer.tree.lstat(parentOf(place))?.type === 'directory' && writer.remove(place);
  if (!isThere && !action.allowNotFound)
    throw new StagecraftError('not-found', `There is no ${JSON.stringify(action.path)} to remove.`);
}
