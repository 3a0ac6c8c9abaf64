import type { Dockerfile } from '../dockerfile/types.ts';
import { normalizePlatform } from '../image/platform.ts';
import type { HistoryEntry, ImageConfig } from '../image/types.ts';
import { type Definition, marshal, type Tree } from '../llb/index.ts';
import { BaseResolver, resolveBases } from './bases.ts';
import type { Env } from './env.ts';
import { timeOf } from './history.ts';
import { compactConfig, platformOf } from './images.ts';
import type { Planner } from './planner.ts';
import { prepare } from './prepare.ts';
import { scannedBesides } from './scanned.ts';
import { reachableFrom, type StagePlan } from './stage-plan.ts';
import type { StageTable } from './stage-table.ts';
import { planStage } from './steps.ts';
import { addTriggers } from './triggers.ts';
import type { FrontendRequest, FrontendResult } from './types.ts';
import { Warnings } from './warnings.ts';

/** A Dockerfile that was gone through: what it makes, and the stages that make it. */
export interface DockerfilePlan {
  readonly result: FrontendResult;
  readonly file: Dockerfile;
  /** ARG before the first FROM, and the predefined ones. */
  readonly globalArgs: Env;
  readonly target: StagePlan;
  /** Every stage of the file. */
  readonly stages: readonly StagePlan[];
  /** What the target and required stages need, they included, and images that `--from` names. */
  readonly reached: ReadonlySet<StagePlan>;
}

/**
 * Turns a Dockerfile into the graph of the target stage and of what it reaches, and the config of the image. Reads
 * configs of base images, nothing else.
 * @throws StagecraftError with the place in the Dockerfile where there is one
 */
export async function planDockerfile(request: FrontendRequest): Promise<FrontendResult> {
  return (await planStages(request)).result;
}

/**
 * As {@link planDockerfile}, with the stages.
 * @param warnings collects what planning comes upon; they are there also where it fails
 */
export async function planStages(
  request: FrontendRequest,
  warnings = new Warnings(),
): Promise<DockerfilePlan> {
  const { planner, table, target, required } = prepare(request, warnings);
  const wanted = [target, ...required];
  const needed = await resolveReached(planner, table, request.allStages ? table.stages : wanted);
  const stages = table.stages.filter(stage => needed.has(stage));
  for (const stage of stages) if (!stage.planned) planStage(planner, stage);
  // All of their files are the result. That must be known before any graph is marshalled.
  for (const stage of wanted) stage.usedPaths.add('/');
  const scanned = request.scans ? scannedBesides(planner, target) : [];
  const definitionOf = ({ tree }: { readonly tree: Tree }): Definition =>
    marshal(tree, { sources: new Map([[planner.file.name, planner.file.text]]) });
  const reached = request.allStages ? reachableFrom(wanted) : needed;
  let definition: Definition | undefined;
  const result = {
    platform: planner.targetPlatform,
    // Checks look at the stages alone, and encoding is a good part of the work.
    get definition() {
      definition ??= definitionOf(target);
      return definition;
    },
    required: required.map(stage => ({ stage: stage.title, definition: definitionOf(stage) })),
    scanned: scanned.map(each => ({ name: each.name, definition: definitionOf(each) })),
    config: resultConfig(planner, target),
    baseHistory: target.baseHistory,
    layerLines: layerLinesOf(target),
    warnings: warnings.list(),
    stages: table.stages
      .filter(stage => reached.has(stage))
      .map(stage => ({
        name: stage.name ?? `stage-${stage.index}`,
        index: stage.index,
        base: stage.baseName,
      })),
  };
  return {
    result,
    file: planner.file,
    globalArgs: planner.globalArgs,
    target,
    stages: table.stages,
    reached,
  };
}

/** These stages, and the stages and images that they need, base images known. Triggers of these may need further ones. */
async function resolveReached(
  planner: Planner,
  table: StageTable,
  wanted: readonly StagePlan[],
): Promise<ReadonlySet<StagePlan>> {
  const resolver = new BaseResolver(planner);
  for (;;) {
    const reached = reachableFrom(wanted);
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
    history: historyOf(target),
    ...normalizePlatform(platform),
    config: compactConfig({ ...image.config, Labels: labels }),
    ...(epoch !== undefined && { created: timeOf(epoch) }),
  };
}

/** That of the base image, then of the stages from the first to this one. */
function historyOf(stage: StagePlan): HistoryEntry[] {
  return [...(stage.image.history ?? []), ...lineageOf(stage).flatMap(({ history }) => history)];
}

function layerLinesOf(stage: StagePlan): (number | null)[] {
  const lines = lineageOf(stage).flatMap(({ historyLines }) => historyLines);
  const all = historyOf(stage);
  const own = all.length - lines.length;
  return all.flatMap((entry, i) => (entry.empty_layer ? [] : [lines[i - own] ?? null]));
}

/** The stages that it is made from, the first before the others, and itself. */
function lineageOf(stage: StagePlan): StagePlan[] {
  const lineage = [stage];
  for (let base = stage.base; base !== undefined; base = base.base) lineage.push(base);
  return lineage.reverse();
}
