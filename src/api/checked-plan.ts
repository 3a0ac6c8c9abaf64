import type { Dockerfile } from '../dockerfile/types.ts';
import { type DockerfilePlan, planStages } from '../frontend/plan.ts';
import { readDockerfile } from '../frontend/syntax.ts';
import type { FrontendRequest, FrontendResult } from '../frontend/types.ts';
import { Warnings } from '../frontend/warnings.ts';
import { checkDockerfile, isBuildkitRule, type Level } from '../lint/check.ts';
import { type CheckOptions, defaultOptions, mergeOptions } from '../lint/options.ts';
import { optionsOf } from '../lint/select.ts';
import type { Finding, PlanSubject, SyntaxSubject } from '../lint/types.ts';
import type { FileTree } from '../snapshot/types.ts';
import { StagecraftError } from '../util/errors.ts';
import type { BuildRequest } from './request.ts';

/** A plan that the checks of builds have looked at. */
export interface CheckedPlan extends FrontendResult {
  readonly warnings: Finding[];
  /** For what is to be looked at once it is built. */
  readonly subject: PlanSubject;
  readonly options: CheckOptions;
}

/** What the checks of a Dockerfile gave. */
export interface Checked {
  readonly file: Dockerfile;
  readonly options: CheckOptions;
  readonly findings: Finding[];
  /** Absent where it cannot be planned. */
  readonly plan: (DockerfilePlan & { readonly subject: PlanSubject }) | undefined;
  /** Why it cannot be planned. */
  readonly error: StagecraftError | undefined;
}

/**
 * Plans a Dockerfile and applies the rules to it.
 * @param contextTree opens the build context for the rules that look into it
 * @param extra what `# check=` may say, on top of what it does say
 * @throws StagecraftError `dockerfile` where it cannot be parsed, or its options cannot be read
 */
export async function planAndCheck(
  request: FrontendRequest,
  contextTree: () => FileTree | undefined,
  level: Level,
  extra: Partial<CheckOptions> = {},
): Promise<Checked> {
  const { text, name } = request.dockerfile;
  const file = readDockerfile(request);
  const said = optionsOf(file, request.buildArgs.get('BUILDKIT_DOCKERFILE_CHECK'));
  const options = {
    ...mergeOptions(said, { ...defaultOptions, ...extra }),
    error: extra.error ?? said.error,
  };
  const warnings = new Warnings();
  let plan: Checked['plan'];
  let error: StagecraftError | undefined;
  try {
    const planned = await planStages({ ...request, dockerfile: { text, name, file } }, warnings);
    plan = { ...planned, subject: subjectOf(planned, request.ignorePatterns, contextTree) };
  } catch (failure) {
    if (!(failure instanceof StagecraftError)) throw failure;
    error = failure;
  }
  const input = { file, ...stagesOf(file, request, plan), warnings: warnings.list(), plan: plan?.subject };
  return { file, options, findings: await checkDockerfile(input, options, level), plan, error };
}

/** The stages to look into, planned where that went well. */
function stagesOf(
  file: Dockerfile,
  { allStages }: FrontendRequest,
  plan: DockerfilePlan | undefined,
): Pick<SyntaxSubject, 'stages' | 'steps'> {
  if (plan === undefined) {
    const steps = file.stages.map(stage => stage.instructions.map(instruction => ({ instruction })));
    return { stages: file.stages, steps };
  }
  const planned = plan.stages.filter(each => allStages || plan.reached.has(each));
  return {
    stages: planned.flatMap(({ stage }) => stage ?? []),
    steps: planned.map(({ steps }) => steps),
  };
}

function subjectOf(
  { result, file, target, stages, reached }: DockerfilePlan,
  ignorePatterns: readonly string[],
  contextTree: () => FileTree | undefined,
): PlanSubject {
  let opened: { tree: FileTree | undefined } | undefined;
  return {
    result,
    file,
    target,
    stages,
    reached,
    ignorePatterns,
    get context() {
      opened ??= { tree: contextTree() };
      return opened.tree;
    },
  };
}

/**
 * The plan of a build, with what its checks warn of.
 * @param tell is given the warnings, also where planning fails
 * @throws StagecraftError what is wrong with the Dockerfile; also what the checks found, where it says `error=true`
 */
export async function planChecked(
  request: FrontendRequest,
  contextTree: () => FileTree | undefined,
  tell: (warnings: Finding[], file: Dockerfile) => void,
  { level = 'warning', options: extra }: NonNullable<BuildRequest['checks']> = {},
): Promise<CheckedPlan> {
  const { findings, options, plan, error, file } = await planAndCheck(request, contextTree, level, extra);
  tell(findings, file);
  if (plan === undefined) throw error;
  // A Dockerfile that Docker builds is built here: our own rules cannot fail it.
  const violation = violationOf(options, findings.filter(isBuildkitRule));
  if (violation !== undefined) throw violation;
  return { ...plan.result, warnings: findings, subject: plan.subject, options };
}

/** That there are warnings, where the Dockerfile says that they are errors. */
export function violationOf(
  options: CheckOptions,
  findings: readonly Finding[],
): StagecraftError | undefined {
  const warnings = findings.filter(({ level }) => level === 'warning');
  if (!options.error || warnings.length === 0) return undefined;
  const names = [...new Set(warnings.map(({ rule }) => rule))];
  return new StagecraftError('dockerfile', `Lint violation found for rules: ${names.join(', ')}.`, {
    hint: 'Warnings are told to be errors, by # check=error=true, BUILDKIT_DOCKERFILE_CHECK or --error.',
  });
}
