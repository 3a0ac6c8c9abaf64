import type { Entry } from '../snapshot/types.ts';
import type { ByteString } from '../util/bytes.ts';
import { type Digest, finishDigest, startDigest } from '../util/digest.ts';
import type { Pace } from '../util/pace.ts';
import type { DigestedTree, Fingerprint } from './types.ts';

/** The fingerprint of anything but a regular file. */
export function fingerprintOf(entry: Entry, target: ByteString | undefined): Fingerprint {
  const owner = `${entry.uid}:${entry.gid}`;
  // The mode of a symlink means nothing.
  if (entry.type === 'symlink') return `symlink ${owner} ${target}`;
  const head = `${entry.type} ${entry.mode.toString(8)} ${owner}`;
  return entry.type === 'char' || entry.type === 'block'
    ? `${head} ${entry.rdev.major}:${entry.rdev.minor}`
    : head;
}

/** The fingerprint of a regular file whose data have this SHA-256. */
export function fingerprintOfFile(
  entry: Entry,
  data: string,
  xattrs: ReadonlyMap<string, Uint8Array> | undefined,
): Fingerprint {
  let text = `file ${entry.mode.toString(8)} ${entry.uid}:${entry.gid} ${data}`;
  if (xattrs !== undefined)
    for (const name of [...xattrs.keys()].sort())
      text += ` ${name}=${Buffer.from(xattrs.get(name)!).toString('hex')}`;
  return text;
}

/** A digest over names and fingerprints of everything below a directory, without the directory's own metadata. */
export async function digestBelow(tree: DigestedTree, path: ByteString, pace: Pace): Promise<Digest> {
  const running = startDigest();
  const prefix = path === '/' ? '/' : `${path}/`;
  let batch = '';
  for (const name of tree.list(path)) {
    const child = prefix + name;
    const entry = tree.lstat(child);
    if (entry === undefined) continue;
    let print = tree.fingerprint(child);
    if (typeof print !== 'string') print = await print;
    batch += `${name}\0${print}\0`;
    if (entry.type === 'directory') batch += `${await tree.digestBelow(child, pace)}\0`;
    if (batch.length > 16384) {
      running.update(batch, 'latin1');
      batch = '';
    }
    if (pace.due) await pace.rest();
  }
  running.update(batch, 'latin1');
  return finishDigest(running);
}
