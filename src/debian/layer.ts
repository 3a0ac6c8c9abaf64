import type { ProgressSink } from '../progress/types.ts';
import type { LayerId } from '../snapshot/types.ts';
import { openDeb } from './deb.ts';
import { fillFull } from './full.ts';
import type { LayerSpec, LayerWork, OpenPackage } from './layer-work.ts';
import { fillMinimal } from './minimal.ts';
import { normalize } from './normalize.ts';
import type { PooledPackage } from './pool.ts';
import { runStep } from './steps.ts';

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
