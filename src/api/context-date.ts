import { downloadName } from '../frontend/contexts.ts';
import type { FileTree } from '../snapshot/types.ts';
import { type ByteString, bytesFromText } from '../util/bytes.ts';

/** The time of the commit that was checked out, seconds since the epoch: all of its files have it. */
export function commitDate(tree: FileTree): number | undefined {
  return secondsOf(tree.lstat('/')?.mtimeNs);
}

/** When a server says that a download changed last, seconds since the epoch. */
export function downloadDate(download: FileTree): number | undefined {
  return secondsOf(download.lstat(bytesFromText(`/${downloadName}`))?.mtimeNs || undefined);
}

/** The time of the file that changed last, seconds since the epoch; nothing where there is no file. */
export function newestDate(tree: FileTree): number | undefined {
  let newest: bigint | undefined;
  const look = (directory: ByteString): void => {
    for (const name of tree.list(directory || '/')) {
      const path = `${directory}/${name}`;
      const entry = tree.lstat(path);
      if (entry?.type === 'directory') look(path);
      else if (entry?.type === 'file' && (newest === undefined || entry.mtimeNs > newest))
        newest = entry.mtimeNs;
    }
  };
  look('');
  return secondsOf(newest);
}

function secondsOf(ns: bigint | undefined): number | undefined {
  return ns === undefined ? undefined : Math.floor(Number(ns) / 1e9);
}
