import type { ReadBlob, RemoteLayer } from '../image/remote-layer.ts';
import type { ResultLayers, RootFs } from '../snapshot/types.ts';
import type { RecordKey } from './buildkit/key.ts';
import type { CacheConfig } from './config.ts';
import type { CacheKey } from './keys.ts';

export type { ReadBlob };

/** A layer of a shared cache. */
export type SharedLayer = RemoteLayer;

export type SharedOutputs = readonly (readonly SharedLayer[] | null)[];

/** What is known elsewhere of an operation. */
export interface SharedRecord {
  /**
   * What it made: for each output its layers, base first; null for an output that is none. Absent where just the key is
   * known: enough for whatever stands on the result to be found.
   */
  readonly outputs?: SharedOutputs | undefined;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Where it is known, so that it can be handed on as it stands there. */
  readonly origin: SharedOrigin;
}

/** Records of a cache that was read. */
export interface SharedOrigin {
  readonly config: CacheConfig;
  /** For each output the places of its records. */
  readonly places: ReadonlyMap<number, readonly number[]>;
}

/** Caches that other machines share, asked where the store has no record. */
export interface SharedCache {
  /** What is known of an operation. @param outputs the keys of all its outputs */
  find(outputs: ReadonlyMap<number, RecordKey>): Promise<SharedRecord | undefined>;
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
  /** Keys that lead to it in the store. */
  readonly keys: readonly CacheKey[];
  readonly outputCount: number;
  /** Where it was found, unless the store has it. */
  readonly shared?: SharedRecord | undefined;
  /** What was put together of other results, which the store has no record of. */
  readonly composed?: readonly ResultLayers[] | undefined;
  /** What its outputs are called in shared caches. */
  recordKeys(): Promise<ReadonlyMap<number, RecordKey>>;
}
