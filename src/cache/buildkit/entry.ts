import { createHash } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import type { Entry } from '../../snapshot/types.ts';
import type { DigestedTree } from '../../source/types.ts';
import { type ByteString, textFromBytes } from '../../util/bytes.ts';
import { type Digest, digestOf, finishDigest, startDigest } from '../../util/digest.ts';
import { StagecraftError } from '../../util/errors.ts';
import type { Pace } from '../../util/pace.ts';

const typeFlags: Record<Entry['type'], string> = {
  file: '0',
  symlink: '2',
  char: '3',
  block: '4',
  directory: '5',
  fifo: '6',
  socket: '0',
};

/**
 * The digest of one entry of a tree, without its name, times, and what is below it: a tar header as text, then the data
 * of a file. As BuildKit's cache/contenthash/{filehash,tarsum}.go have it.
 * @throws StagecraftError `io` where a file is not what the tree told of it before
 */
export async function entryDigest(
  tree: DigestedTree,
  path: ByteString,
  entry: Entry,
  pace: Pace,
): Promise<Digest> {
  if (entry.type !== 'file') {
    const target = entry.type === 'symlink' ? tree.readlink(path) : '';
    return digestOf(Buffer.from(headOf(entry, target, tree.xattrs(path)), 'latin1'));
  }
  // Also makes the attributes known.
  const told = await tree.fileData(path);
  const head = headOf(entry, '', told.attributes ? tree.xattrs(path) : undefined);
  const running = startDigest().update(head, 'latin1');
  // What is in a layer cannot change.
  const check = tree.kind === 'layers' ? undefined : createHash('sha256');
  const fd = tree.open(path);
  try {
    for (let position = 0; ; ) {
      const count = readSync(fd, buffer, 0, buffer.length, position);
      if (count === 0) break;
      const chunk = buffer.subarray(0, count);
      running.update(chunk);
      check?.update(chunk);
      position += count;
      // Nobody else uses the buffer meanwhile that needs what is in it now.
      if (pace.due) await pace.rest();
    }
  } finally {
    closeSync(fd);
  }
  if (check !== undefined && check.digest('hex') !== told.sha256)
    throw new StagecraftError('io', `${textFromBytes(path)} changed while the build read it.`);
  return finishDigest(running);
}

const buffer = Buffer.allocUnsafeSlow(1 << 18);

function headOf(
  entry: Entry,
  target: ByteString,
  xattrs: ReadonlyMap<string, Uint8Array> | undefined,
): ByteString {
  const { type, uid, gid, size, rdev } = entry;
  const isDevice = type === 'char' || type === 'block';
  const mode = type === 'symlink' ? entry.mode | 0o777 : entry.mode;
  let head = `namemode${mode}uid${uid}gid${gid}size${type === 'file' ? size : 0}typeflag${typeFlags[type]}`;
  head += `linkname${target}unamegnamedevmajor${isDevice ? rdev.major : 0}devminor${isDevice ? rdev.minor : 0}`;
  for (const [name, value] of [...(xattrs ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)))
    if (name === 'security.capability' || !/^(?:security|system)\./.test(name))
      head += name + Buffer.from(value).toString('latin1');
  return head;
}
