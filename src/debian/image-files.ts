import { closeSync, readSync } from 'node:fs';
import type { FileTree, LayerWriter } from '../snapshot/types.ts';
import type { ByteString } from '../util/bytes.ts';

/** Small files of the image that we write ourselves. */
export function putText(
  writer: LayerWriter,
  path: ByteString,
  text: string,
  mtimeNs: bigint,
  mode = 0o644,
): void {
  const slash = path.lastIndexOf('/');
  if (slash > 0) writer.makeDirectories(path.slice(0, slash), { mode: 0o755, uid: 0, gid: 0, mtimeNs });
  writer.putFile(path, { data: Buffer.from(text) }, { mode, uid: 0, gid: 0, mtimeNs });
}

/** The content of a file of the tree, through symlinks; nothing where there is none. */
export function readBytes(tree: FileTree, path: ByteString): Buffer | undefined {
  const resolved = tree.resolve(path);
  const entry = tree.lstat(resolved);
  if (entry?.type !== 'file') return undefined;
  const fd = tree.open(resolved);
  try {
    const data = Buffer.alloc(entry.size);
    let done = 0;
    while (done < data.length) {
      const read = readSync(fd, data, done, data.length - done, done);
      if (read === 0) break;
      done += read;
    }
    return data.subarray(0, done);
  } finally {
    closeSync(fd);
  }
}

export function readText(tree: FileTree, path: ByteString): string | undefined {
  return readBytes(tree, path)?.toString('utf8');
}

/** Every path below a directory, parents before what they hold. */
export function* walk(tree: FileTree, directory: ByteString): Generator<ByteString> {
  for (const name of tree.list(directory)) {
    const path = directory === '/' ? `/${name}` : `${directory}/${name}`;
    yield path;
    if (tree.lstat(path)?.type === 'directory') yield* walk(tree, path);
  }
}
