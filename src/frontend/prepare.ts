import type { Dockerfile, Stage } from '../dockerfile/types.ts';
import { normalizePlatform, parsePlatform } from '../image/platform.ts';
import type { Platform } from '../image/types.ts';
import { StagecraftError } from '../util/errors.ts';
import { predefinedArgs, proxiesOf, switchOf, withMetaArgs } from './arguments.ts';
import { refuseWrongNames } from './bases.ts';
import { Budget } from './budget.ts';
import { findContext, mainContext } from './contexts.ts';
import { expandWord } from './expander.ts';
import { warnDefaultBases, warnPlatformFlag, warnUndeclared } from './from-checks.ts';
import { emptyImage } from './images.ts';
import { at, type Planner } from './planner.ts';
import { resolveSourceDate, withSourceDate } from './source-date.ts';
import { StagePlan } from './stage-plan.ts';
import { addSteps, isNumbered, refuseCycles, StageTable } from './stage-table.ts';
import { readDockerfile } from './syntax.ts';
import type { FrontendRequest } from './types.ts';
import type { Warnings } from './warnings.ts';

/** Reads the Dockerfile and lays out its stages: names, bases and what each reads from. Reads nothing else. */
export function prepare(
  request: FrontendRequest,
  warnings: Warnings,
): {
  planner: Planner;
  table: StageTable;
  target: StagePlan;
  /** The stages of `--require`, each once. */
  required: StagePlan[];
} {
  const file = parse(request);
  const targetPlatform = normalizePlatform(request.targetPlatform);
  const normalized = {
    ...request,
    targetPlatform,
    buildPlatform: normalizePlatform(request.buildPlatform),
    multiPlatform: switchOf(request.buildArgs, 'BUILDKIT_MULTI_PLATFORM') ?? request.multiPlatform,
  };
  if (switchOf(request.buildArgs, 'BUILDKIT_DISABLE_FILEOP')) {
    throw new StagecraftError('usage', 'The build argument BUILDKIT_DISABLE_FILEOP is no longer supported.', {
      hint: 'Leave it out; BuildKit took it away in version 0.11.',
    });
  }
  const given = withSourceDate(request);
  const budget = new Budget();
  const targetName = request.target || (file.stages.at(-1)?.name ?? 'default');
  const args = withMetaArgs(
    predefinedArgs(normalized, targetName),
    file.metaArgs,
    given,
    (word, env, instruction) =>
      at(instruction.range, () => {
        const { result } = expandWord(file, word, env);
        budget.spend(result.length);
        return result;
      }),
  );
  const table = new StageTable(emptyImage(targetPlatform));
  const planner: Planner = {
    request: normalized,
    file,
    targetPlatform,
    ...atDate(file, () => resolveSourceDate(request, given, args)),
    proxyEnv: proxiesOf(request.buildArgs),
    budget,
    context: mainContext(request, () => table.stages.flatMap(stage => [...stage.contextPaths])),
    warnings,
  };
  warnDefaultBases(planner);
  for (const stage of file.stages) table.add(at(stage.from.range, () => layOut(planner, table, stage)));
  const target = table.target(request.target);
  const required = [...new Set((request.required ?? []).map(name => table.target(name)))];
  for (const stage of table.stages) {
    if (stage.replacement === undefined) addSteps(table, stage, stage.stage?.instructions ?? [], false);
  }
  refuseCycles(table);
  refuseWrongNames(table);
  nameAlone(table);
  return { planner, table, target, required };
}

function parse(request: FrontendRequest): Dockerfile {
  const { name } = request.dockerfile;
  const file = readDockerfile(request);
  if (file.stages.length > 0) return file;
  throw new StagecraftError('dockerfile', `${name} has no stage to build.`, {
    hint: 'A stage begins with FROM.',
    range: file.metaArgs.at(-1)?.range,
  });
}

/** A wrong date may stand in the file or in the request. */
function atDate<T>(file: Dockerfile, run: () => T): T {
  const line = file.metaArgs.findLast(({ args }) => args.some(({ key }) => key === 'SOURCE_DATE_EPOCH'));
  return line === undefined ? run() : at(line.range, run);
}

function layOut(planner: Planner, table: StageTable, stage: Stage): StagePlan {
  const plan = new StagePlan({
    stage,
    baseName: baseNameOf(planner, stage),
    range: stage.from.range,
    label: stage.name ?? `stage-${stage.index}`,
    image: emptyImage(planner.targetPlatform),
  });
  plan.platform = platformOf(planner, stage);
  if (stage.name !== undefined) {
    plan.replacement = findContext(planner.request, stage.name, plan.platform ?? planner.targetPlatform);
    if (plan.replacement !== undefined) return plan;
  }
  plan.base = table.base(plan.baseName);
  plan.numbered =
    (plan.base === undefined && plan.baseName !== 'scratch' ? 1 : 0) +
    stage.instructions.filter(isNumbered).length;
  plan.ignoreCache = isIgnored(planner.request.noCache, stage.name);
  return plan;
}

function baseNameOf(planner: Planner, stage: Stage): string {
  const expansion = expandWord(planner.file, stage.baseName, planner.globalArgs);
  warnUndeclared(planner, stage, expansion);
  const { result } = expansion;
  if (result !== '') return result;
  throw new StagecraftError('dockerfile', `FROM names no base: "${stage.baseName}" is empty.`, {
    hint: 'Give the variable a value by an ARG above the first FROM, or by --build-arg.',
  });
}

function platformOf(planner: Planner, stage: Stage): Platform | undefined {
  if (stage.platform === undefined || stage.platform === '') return undefined;
  const expansion = expandWord(planner.file, stage.platform, planner.globalArgs);
  warnUndeclared(planner, stage, expansion);
  warnPlatformFlag(planner, stage, expansion);
  const { result } = expansion;
  if (result !== '') return parsePlatform(result);
  throw new StagecraftError('dockerfile', `FROM --platform is empty: "${stage.platform}" has no value.`, {
    hint: 'Predefined are BUILDPLATFORM and TARGETPLATFORM; others need an ARG above the first FROM.',
  });
}

function isIgnored(noCache: boolean | readonly string[], name: string | undefined): boolean {
  if (typeof noCache === 'boolean') return noCache;
  return noCache.some(each => each.toLowerCase() === (name ?? ''));
}

/** A stage that is all there is needs no name in progress. Like BuildKit, count mounts and images as others. */
function nameAlone(table: StageTable): void {
  const [only, ...others] = table.stages;
  if (only === undefined || others.length > 0) return;
  if (only.steps.every(step => step.sources.length === 0)) only.label = '';
}
