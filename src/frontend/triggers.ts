import { parseInstruction } from '../dockerfile/parse.ts';
import type { StageInstruction } from '../dockerfile/types.ts';
import { StagecraftError } from '../util/errors.ts';
import type { Planner } from './planner.ts';
import type { StagePlan } from './stage-plan.ts';
import { addSteps, isNumbered, type StageTable } from './stage-table.ts';

/**
 * Puts the ONBUILD triggers of what the stage is made from before its own instructions: those of the base image, or
 * those of the base stage itself, and no older ones.
 * @returns true if they read from stages or images, which may be new
 */
export function addTriggers(planner: Planner, table: StageTable, stage: StagePlan): boolean {
  if (stage.triggered || stage.stage === undefined || stage.replacement !== undefined) return false;
  stage.triggered = true;
  const texts = triggersOf(stage);
  if (texts.length === 0) return false;
  const instructions = texts.map(text => parseTrigger(planner, stage, text));
  addSteps(table, stage, instructions, true);
  stage.numbered += instructions.filter(isNumbered).length;
  return stage.steps.some(step => step.onBuild && step.sources.length > 0);
}

function triggersOf(stage: StagePlan): readonly string[] {
  if (stage.base !== undefined) {
    return stage.base.steps.flatMap(({ instruction }) =>
      instruction.kind === 'ONBUILD' ? [instruction.trigger] : [],
    );
  }
  const { OnBuild: triggers, ...config } = stage.image.config ?? {};
  stage.image = { ...stage.image, config };
  return triggers ?? [];
}

/** Errors and steps of a trigger are shown at the FROM that brought it. */
function parseTrigger(planner: Planner, stage: StagePlan, text: string): StageInstruction {
  try {
    const instruction = parseInstruction(text, planner.file.name);
    const place = { range: stage.range };
    if (instruction.kind !== 'RUN') return { ...instruction, ...place };
    return { ...instruction, ...place, mounts: instruction.mounts.map(mount => ({ ...mount, ...place })) };
  } catch (error) {
    if (!(error instanceof StagecraftError)) throw error;
    throw new StagecraftError(
      'dockerfile',
      `The ONBUILD trigger "${text}" of ${stage.baseName} cannot be used: ${error.message}`,
      { hint: error.hint, range: stage.range, cause: error },
    );
  }
}
