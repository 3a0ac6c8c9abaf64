import type { Descriptor } from '../image/types.ts';
import type { RootFs } from '../snapshot/types.ts';
import { type Digest, digestOf } from '../util/digest.ts';
import type { CacheKey } from './keys.ts';

/** Reads a blob from an offset on; whoever stores it verifies it. @throws StagecraftError `not-found`, `io` */
export type ReadBlob = (descriptor: Descriptor, from: number) => AsyncIterable<Uint8Array>;

/** A layer of a shared cache. */
export interface SharedLayer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
  readonly read: ReadBlob;
}

export type SharedOutputs = readonly (readonly SharedLayer[] | null)[];

/** What is known elsewhere of an operation. */
export interface SharedRecord {
  /** The key that users of the result build theirs on. */
  readonly canonical: CacheKey;
  /**
   * What it made: for each output its layers, base first; null for an output that is none. Absent where just the key is
   * known: enough for whatever stands on the result to be found.
   */
  readonly outputs?: SharedOutputs | undefined;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** Caches that other machines share, asked where the store has no record. */
export interface SharedCache {
  /** What is known under a key. @param outputs the numbers of the outputs that the operation has */
  find(key: CacheKey, outputs: readonly number[]): Promise<SharedRecord | undefined>;
  /** Fetches and unpacks what the store lacks of a result. @throws StagecraftError `not-found`, `io`, `integrity` */
  load(outputs: SharedOutputs, progress: SharedProgress): Promise<(RootFs | null)[]>;
}

export interface SharedProgress {
  status(id: string, current: number, total?: number): void;
  /** Called before layers are unpacked. Throws where this process may not do that yet. */
  beforeWork(): void;
}

/** A result of a build that may be shared. */
export interface CachedResult {
  /** Keys that lead to it. */
  readonly keys: readonly CacheKey[];
  readonly canonical: CacheKey;
  readonly outputCount: number;
  /** Where it was found, unless the store has it. */
  readonly shared?: SharedRecord | undefined;
}

/** What BuildKit calls the record of one output of an operation. */
export function outputDigest(key: Digest, output: number): Digest {
  return digestOf(`${key}@${output}`);
}
