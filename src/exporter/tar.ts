import { closeSync } from 'node:fs';
import type { FileTree } from '../snapshot/types.ts';
import { type TarItem, writeTar } from '../tar/writer.ts';
import type { ByteString } from '../util/bytes.ts';
import { walkTree } from './tree.ts';

/** A root file system to write, in a directory of its own where `prefix` names one: `linux_amd64`. */
export interface TreeToWrite {
  tree: FileTree;
  prefix?: ByteString | undefined;
}

export interface TreeOptions {
  /** No time is later than this: seconds since the epoch. */
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
  for (const { tree, prefix } of trees) {
    const start = prefix === undefined ? '' : `${prefix}/`;
    const time = BigInt(options.epoch ?? 0) * 1_000_000_000n;
    if (prefix !== undefined)
      yield { header: { name: prefix, type: 'directory', mode: 0o755, mtimeNs: time } };
    for (const { path, entry, linkOf } of walkTree(tree)) {
      const header = {
        name: start + path.slice(1),
        mode: entry.mode,
        uid: entry.uid,
        gid: entry.gid,
        mtimeNs: limitTime(entry.mtimeNs, options.epoch),
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
  }
}

/** The time in nanoseconds, at most the epoch in seconds. */
export function limitTime(mtimeNs: bigint, epoch: number | undefined): bigint {
  if (epoch === undefined) return mtimeNs;
  const limit = BigInt(epoch) * 1_000_000_000n;
  return mtimeNs > limit ? limit : mtimeNs;
}
