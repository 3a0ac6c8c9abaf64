import type { Sandbox } from '../sandbox/types.ts';
import type { DraftLayer, LayerStore } from '../snapshot/types.ts';
import type { Store } from '../store/store.ts';
import type { AptSetup } from './apt-setup.ts';
import type { Architecture } from './architecture.ts';
import type { Deb } from './deb.ts';
import type { PooledPackage } from './pool.ts';

/** What the layer of a base image is to be made of. */
export interface LayerSpec {
  readonly store: Store;
  readonly layers: LayerStore;
  readonly architecture: Architecture;
  /** All packages, at hand. */
  readonly pool: readonly PooledPackage[];
  readonly setup: AptSetup;
  /** Runs the maintainer scripts of a full image; a minimal one is made without. */
  readonly sandbox: Sandbox | undefined;
  /** Seconds since the epoch. */
  readonly sourceDateEpoch?: number;
  readonly signal: AbortSignal | undefined;
}

/** A package that lies open. */
export interface OpenPackage extends PooledPackage {
  readonly deb: Deb;
}

/** A layer being filled. */
export interface LayerWork extends LayerSpec {
  readonly packages: readonly OpenPackage[];
  readonly draft: DraftLayer;
  /** What files get that no package dates, and the latest time of any file. */
  readonly mtimeNs: bigint;
}
