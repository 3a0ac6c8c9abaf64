import { type Digest, digestOf } from '../../util/digest.ts';

/**
 * What BuildKit's solver knows one result by: what the operation is, and for each of its inputs the keys that the input
 * goes by. A cache has the result where it has a record with this digest that stands, in each input, on a record of one
 * of these keys. Keys of different results differ as objects; each is made once in a solve.
 */
export interface RecordKey {
  /** What a record of it is called. */
  readonly digest: Digest;
  /** None for a root, which is a source, or the content of files. */
  readonly inputs: readonly (readonly RecordLink[])[];
  /** Must not be found, since the operation is to run whatever caches know. */
  readonly isFresh?: boolean;
}

export interface RecordLink {
  readonly key: RecordKey;
  /** Which part of it is meant; empty for the whole. */
  readonly selector: Digest | '';
}

/** The key of an operation's output. @param operation see {@link Description.digest} */
export function outputKey(
  operation: Digest,
  output: number,
  inputs: readonly (readonly RecordLink[])[],
  isFresh = false,
): RecordKey {
  return { digest: digestOf(`${operation}@${output}`), inputs, isFresh };
}

/** The key of a source. @param text see `source.ts` */
export function sourceKey(text: string): RecordKey {
  return outputKey(digestOf(`buildkit.source.v0:${text}`), 0, []);
}

/** The key of files, whatever made them. @param content see `content.ts` */
export function contentRootKey(content: Digest): RecordKey {
  return outputKey(content, -1, []);
}
