import { type ByteString, textFromBytes } from '../util/bytes.ts';
import { type Digest, digestOf } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { Pace } from '../util/pace.ts';
import type { DigestedTree } from './types.ts';

/** {@link DigestedTree.contentDigest} by way of fingerprints. */
export async function contentDigestOf(
  tree: DigestedTree,
  path: ByteString,
  options: { follow?: boolean } = {},
  pace: Pace = new Pace(),
): Promise<Digest> {
  const place = options.follow ? tree.resolve(path) : path;
  const entry = tree.lstat(place);
  if (entry === undefined) throw new StagecraftError('not-found', `${textFromBytes(path)} does not exist.`);
  const print = await tree.fingerprint(place);
  if (entry.type !== 'directory') return digestOf(Buffer.from(print, 'latin1'));
  return digestOf(Buffer.from(`${print}\0${await tree.digestBelow(place, pace)}`, 'latin1'));
}
