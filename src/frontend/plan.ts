import { normalizePlatform } from '../image/platform.ts';
import type { ImageConfig } from '../image/types.ts';
import { marshal } from '../llb/index.ts';
import { BaseResolver, resolveBases } from './bases.ts';
import { timeOf } from './history.ts';
import { compactConfig, platformOf } from './images.ts';
import type { Planner } from './planner.ts';
import { prepare } from './prepare.ts';
import { reachableFrom, type StagePlan } from './stage-plan.ts';
import type { StageTable } from './stage-table.ts';
import { planStage } from './steps.ts';
import { addTriggers } from './triggers.ts';
import type { FrontendRequest, FrontendResult } from './types.ts';

/**
 * Turns a Dockerfile into the graph of the target stage and of what it reaches, and the config of the image. Reads
 * configs of base images, nothing else.
 * @throws StagecraftError with the place in the Dockerfile where there is one
 */
export async function planDockerfile(request: FrontendRequest): Promise<FrontendResult> {
  const { planner, table, target } = prepare(request);
  const reached = await resolveReached(planner, table, target);
  const stages = table.stages.filter(stage => reached.has(stage));
  for (const stage of stages) if (!stage.planned) planStage(planner, stage);
  // The whole of the target is the result.
  target.usedPaths.add('/');
  return {
    definition: marshal(target.tree, { sources: new Map([[planner.file.name, planner.file.text]]) }),
    config: resultConfig(planner, target),
    warnings: planner.warnings.list(),
    stages: stages.map(stage => ({
      name: stage.name ?? `stage-${stage.index}`,
      index: stage.index,
      base: stage.baseName,
    })),
  };
}

/** The stages and images that the target needs, base images known. Triggers of these may need further ones. */
async function resolveReached(
  planner: Planner,
  table: StageTable,
  target: StagePlan,
): Promise<ReadonlySet<StagePlan>> {
  const resolver = new BaseResolver(planner);
  for (;;) {
    const reached = reachableFrom(target);
    await resolveBases(planner, table, reached, resolver);
    let more = false;
    for (const stage of reached) more = addTriggers(planner, table, stage) || more;
    if (!more) return reached;
  }
}

/** The image is for the platform that was asked for, whatever its base said. */
function resultConfig(planner: Planner, target: StagePlan): ImageConfig {
  const { request, epoch } = planner;
  const { image } = target;
  const labels = { ...image.config?.Labels, ...Object.fromEntries(request.labels) };
  const own = platformOf(image);
  const wanted = request.targetPlatform;
  const same = own.os === wanted.os && own.architecture === wanted.architecture;
  const platform = request.implicitPlatform ? own : same ? { ...own, ...wanted } : wanted;
  const { os: _os, architecture: _arch, variant: _variant, ...rest } = image;
  const { 'os.version': _version, 'os.features': _features, ...described } = rest;
  return {
    ...described,
    ...normalizePlatform(platform),
    config: compactConfig({ ...image.config, Labels: labels }),
    ...(epoch !== undefined && { created: timeOf(epoch) }),
  };
}
