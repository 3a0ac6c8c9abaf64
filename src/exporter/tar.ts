import { closeSync } from 'node:fs';
import { type TarItem, writeTar } from '../tar/writer.ts';
import type { ByteString } from '../util/bytes.ts';
import { fileTime, type TreeToWrite, walkTree } from './tree.ts';

export interface TreeOptions {
  /** The time of every file, instead of its own, as in BuildKit: seconds since the epoch. */
  epoch?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** Root file systems as one tar archive of all their files, without whiteouts: `-o type=tar`. */
export function writeTrees(
  trees: readonly TreeToWrite[],
  options: TreeOptions = {},
): AsyncIterable<Uint8Array> {
  return writeTar(items(trees, options), options.signal ? { signal: options.signal } : {});
}

function* items(trees: readonly TreeToWrite[], options: TreeOptions): Generator<TarItem> {
  // Directories that several trees have at one place are there once.
  const directories = new Set<ByteString>();
  for (const { tree, prefix, added = [] } of trees) {
    const start = prefix === undefined ? '' : `${prefix}/`;
    const time = BigInt(options.epoch ?? 0) * 1_000_000_000n;
    if (prefix !== undefined)
      yield { header: { name: prefix, type: 'directory', mode: 0o755, mtimeNs: time } };
    for (const { path, entry, linkOf } of walkTree(tree)) {
      if (entry.type === 'directory') {
        if (directories.has(start + path)) continue;
        directories.add(start + path);
      }
      const header = {
        name: start + path.slice(1),
        mode: entry.mode,
        uid: entry.uid,
        gid: entry.gid,
        mtimeNs: fileTime(entry, options.epoch),
      };
      if (linkOf !== undefined) {
        yield { header: { ...header, type: 'hardlink', linkname: start + linkOf.slice(1) } };
      } else if (entry.type === 'file') {
        const fd = entry.size > 0 ? tree.open(path) : undefined;
        try {
          const content = fd === undefined ? {} : { content: { fd } };
          yield {
            header: { ...header, type: 'file', size: entry.size, xattrs: tree.xattrs(path) },
            ...content,
          };
        } finally {
          if (fd !== undefined) closeSync(fd);
        }
      } else if (entry.type === 'symlink') {
        yield { header: { ...header, type: 'symlink', mode: 0o777, linkname: tree.readlink(path) } };
      } else if (entry.type !== 'socket') {
        yield { header: { ...header, type: entry.type, ...entry.rdev, xattrs: tree.xattrs(path) } };
      }
    }
    for (const { name, content } of added)
      yield {
        header: { name: start + name, type: 'file', mode: 0o600, size: content.length, mtimeNs: time },
        content,
      };
  }
}
