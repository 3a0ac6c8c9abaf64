import { encodeOperation, type GraphVertex } from '../llb/index.ts';
import { type Digest, digestOf } from '../util/digest.ts';

/**
 * Names a result before it exists: equal keys, equal results. The key of an operation covers what it does and the
 * keys of what it stands on, so that it changes exactly when something beneath it changes.
 */
export type CacheKey = Digest;

/** The version of the rules below; raising it forgets every record. */
const version = 'stagecraft.cache.v1';

/**
 * The key by definition: the operation, the platform it runs for, and the keys of its inputs' results. It asks
 * nothing of the files.
 */
export function definitionKey(vertex: GraphVertex, inputKeys: readonly CacheKey[]): CacheKey {
  const inputs = vertex.inputs.map((edge, i) => `${inputKeys[i]}#${edge.index}`);
  return digestOf(JSON.stringify([version, 'definition', operationDigest(vertex), inputs]));
}

/** The key by content: the operation, and for each input either its key or a digest of the files that are read. */
export function contentKey(vertex: GraphVertex, inputs: readonly string[]): CacheKey {
  return digestOf(JSON.stringify([version, 'content', operationDigest(vertex), inputs]));
}

/** The key of an image's root file system, which equal layers make equal whatever the image is called. */
export function imageKey(diffIds: readonly Digest[]): CacheKey {
  return digestOf(JSON.stringify([version, 'image', ...diffIds]));
}

/** What a download is as a root file system: one file. */
export interface DownloadIdentity {
  digest: Digest;
  filename: string;
  mode: number;
  uid: number;
  gid: number;
  /** Nothing where it is not asked for, because the content is known beforehand. */
  lastModified?: Date | undefined;
}

/** The key of a download, wherever it comes from. */
export function downloadKey({ digest, filename, mode, uid, gid, lastModified }: DownloadIdentity): CacheKey {
  const time = lastModified?.getTime() ?? null;
  return digestOf(JSON.stringify([version, 'download', digest, filename, mode, uid, gid, time]));
}

/** The key of a checkout, whatever repository it comes from. @param parts what else shapes the files */
export function commitKey(commit: string, parts: Readonly<Record<string, string | boolean>>): CacheKey {
  return digestOf(JSON.stringify([version, 'commit', commit, parts]));
}

/** The key of a copy of some files at a path. */
export function copyKey(path: string, files: Digest): CacheKey {
  return digestOf(JSON.stringify([version, 'copy', path, files]));
}

/** What makes two runs of an operation at the same place comparable, though their inputs differ. */
export function placeOf(vertex: GraphVertex, origin: string): string {
  return digestOf(
    JSON.stringify([version, 'place', operationDigest(vertex), vertex.metadata.name ?? '', origin]),
  );
}

/** The key that a result gets when its operation must not be answered from the cache: no other result has it. */
export function freshKey(key: CacheKey, nonce: string): CacheKey {
  return digestOf(JSON.stringify([version, 'fresh', key, nonce]));
}

function operationDigest(vertex: GraphVertex): Digest {
  return digestOf(encodeOperation(vertex));
}
