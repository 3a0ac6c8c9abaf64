import type { Descriptor } from '../image/types.ts';
import type { CacheConfig } from './config.ts';
import type { ExportedLayer } from './exported.ts';

/** Where a cache is written. */
export interface CacheTarget {
  /** Whether a blob is there, which is then kept from ageing. */
  has(descriptor: Descriptor): Promise<boolean>;
  /** Sends layers that are not there yet. `status` is told how many bytes of each are there. */
  sendLayers(layers: readonly ExportedLayer[], status: SendStatus): Promise<void>;
  /**
   * Makes what the cache knows, whose layers are all there, the cache. Returns its manifest, where it has one.
   * @param layers also what belongs to cache mounts
   */
  finish(config: CacheConfig, layers: readonly Descriptor[]): Promise<Descriptor | undefined>;
}

export type SendStatus = (id: string, current: number, total?: number) => void;
