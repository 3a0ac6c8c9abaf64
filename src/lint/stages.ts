import type { StageInstruction } from '../dockerfile/types.ts';
import type { KnownStep, PlannedStep, StagePlan } from '../frontend/stage-plan.ts';
import type { SourceRange } from '../util/errors.ts';
import type { RunStep } from './run-commands.ts';
import type { PlanSubject } from './types.ts';

/** The stages whose files and config are the stage's own: its base's base first, itself last. */
export function lineageOf(stage: StagePlan): StagePlan[] {
  const stages: StagePlan[] = [];
  for (let at: StagePlan | undefined = stage; at !== undefined; at = at.base) stages.unshift(at);
  return stages;
}

/** An instruction of the file, with variables replaced, and its place. */
export interface FileStep<I extends StageInstruction = StageInstruction> {
  readonly stage: StagePlan;
  readonly step: PlannedStep;
  readonly known: KnownStep;
  /** As planned: variables replaced. Its operands are as written. */
  readonly instruction: I;
}

/** What was planned of these stages, in their order. Triggers of a base are none of the file's. */
export function stepsOf(stages: Iterable<StagePlan>): FileStep[] {
  const steps: FileStep[] = [];
  for (const stage of stages)
    for (const step of stage.steps)
      if (step.known !== undefined && !step.onBuild)
        steps.push({ stage, step, known: step.known, instruction: step.known.instruction });
  return steps;
}

/** Those of some kinds. */
export function stepsOfKind<K extends StageInstruction['kind']>(
  stages: Iterable<StagePlan>,
  ...kinds: readonly K[]
): FileStep<Extract<StageInstruction, { kind: K }>>[] {
  return stepsOf(stages).filter((step): step is FileStep<Extract<StageInstruction, { kind: K }>> =>
    (kinds as readonly string[]).includes(step.instruction.kind),
  );
}

/** Stages of the file that the target needs, in order. */
export function reachedStages(subject: PlanSubject): StagePlan[] {
  return subject.stages.filter(stage => subject.reached.has(stage));
}

/**
 * The RUNs of these stages whose text matches, with their commands. The shell parser is loaded only if there are any:
 * a build with nothing to do is not to wait for it.
 */
export async function runsOf(
  subject: PlanSubject,
  stages: Iterable<StagePlan>,
  mention: RegExp,
): Promise<RunStep[]> {
  const runs = stepsOfKind(stages, 'RUN').filter(({ instruction }) => mention.test(textOf(instruction)));
  if (runs.length === 0) return [];
  const { commandsOf } = await import('./run-commands.ts');
  return runs.map(({ stage, step, known, instruction }) => ({
    stage,
    step,
    known,
    run: instruction,
    commands: commandsOf(subject.file, step),
  }));
}

function textOf(instruction: Extract<StageInstruction, { kind: 'RUN' }>): string {
  const { command, shellText } = instruction;
  return shellText ?? (command.form === 'shell' ? command.text : command.args.join(' '));
}

/** `"builder"`, or `number 2` where it has no name. */
export function titleOf(stage: StagePlan): string {
  return stage.stage === undefined ? `"${stage.wantedBase}"` : stage.title;
}

/** Where the FROM of a stage is. */
export function placeOfFrom(stage: StagePlan): SourceRange {
  return stage.stage?.from.range ?? stage.range;
}

/** The last instruction of a kind in the stage or what it is made from. */
export function lastOf<K extends StageInstruction['kind']>(
  stage: StagePlan,
  kind: K,
): FileStep<Extract<StageInstruction, { kind: K }>> | undefined {
  return stepsOfKind(lineageOf(stage), kind).at(-1);
}
