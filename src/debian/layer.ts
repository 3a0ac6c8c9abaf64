import type { ProgressSink } from '../progress/types.ts';
import type { Sandbox } from '../sandbox/types.ts';
import type { DraftLayer, LayerId, LayerStore } from '../snapshot/types.ts';
import type { Store } from '../store/store.ts';
import type { AptSetup } from './apt-setup.ts';
import type { Architecture } from './architecture.ts';
import { type Deb, openDeb } from './deb.ts';
import { fillFull } from './full.ts';
import { fillMinimal } from './minimal.ts';
import { normalize } from './normalize.ts';
import type { PooledPackage } from './pool.ts';
import { runStep } from './steps.ts';

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

/** Makes the one layer of a base image from its packages. */
export async function buildLayer(spec: LayerSpec, progress: ProgressSink): Promise<LayerId> {
  const packages: OpenPackage[] = [];
  // The package with the skeleton of directories comes first, so that they get its modes.
  const isSkeleton = ({ package: { name } }: PooledPackage) => Number(name === 'base-files');
  for (const pooled of [...spec.pool].sort((a, b) => isSkeleton(b) - isSkeleton(a)))
    packages.push({ ...pooled, deb: await openDeb(pooled.path, `the package ${pooled.package.name}`) });
  const seconds = spec.sourceDateEpoch ?? Math.max(...packages.map(({ deb }) => deb.built));
  const draft = spec.layers.create();
  try {
    const work: LayerWork = { ...spec, packages, draft, mtimeNs: BigInt(seconds) * 1_000_000_000n };
    if (spec.sandbox) await fillFull(work, spec.sandbox, progress);
    else await fillMinimal(work, progress);
    await runStep(progress, '[base] finish the layer', async () => {
      const writer = spec.layers.writer(draft, []);
      await normalize(draft, writer, work.mtimeNs);
      writer.finish();
    });
    return draft.commit();
  } catch (error) {
    draft.discard();
    throw error;
  }
}
