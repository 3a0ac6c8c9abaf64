import { posix } from 'node:path';
import type { CopyInstruction } from '../../dockerfile/types.ts';
import type { StagePlan } from '../../frontend/stage-plan.ts';
import { localSources } from '../context-copies.ts';
import { ownPage } from '../pages.ts';
import { type FileStep, lineageOf, stepsOfKind, titleOf } from '../stages.ts';
import type { PlanSubject, Rule } from '../types.ts';

const name = 'CopyWholeStage';

/** The final image takes everything that another stage or image has: then nothing was left behind in it. */
export const copyWholeStage: Rule<PlanSubject> = {
  name,
  description: 'The final stage should copy what it needs from a stage, not all of it',
  url: ownPage(name),
  level: 'warning',
  check({ target }, report) {
    for (const { source, copies } of copiedStages(target)) {
      if (isAssembled(source) || isKit(source)) continue;
      const whole = copies.find(({ instruction }) => isWhole(instruction));
      const found = whole ?? mostOf(copies);
      if (found === undefined) continue;
      const operand = operandOf(found, whole !== undefined);
      const what = source.stage === undefined ? `image ${titleOf(source)}` : `stage ${titleOf(source)}`;
      const relative =
        whole !== undefined && /^\.(?:\/|$)/.test(operand?.text ?? '')
          ? ` ("${operand!.text}" is its root directory: WORKDIR does not matter to --from)`
          : '';
      report({
        message:
          whole !== undefined
            ? `COPY --from=${whole.instruction.from} takes the whole ${what}${relative}, with its base, its tools and its caches; copy only what runs`
            : `The copies from ${what} together take nearly all of it, with its tools; copy only what runs`,
        range: operand?.range ?? found.instruction.range,
      });
    }
  },
};

type Copy = FileStep<CopyInstruction>;

/** What the stage and those that it is made from copy, by where it comes from. */
function copiedStages(target: StagePlan): { source: StagePlan; copies: Copy[] }[] {
  const bySource = new Map<StagePlan, Copy[]>();
  for (const copy of stepsOfKind(lineageOf(target), 'COPY')) {
    const [source] = copy.step.sources;
    if (source !== undefined) bySource.set(source, [...(bySource.get(source) ?? []), copy]);
  }
  return [...bySource].map(([source, copies]) => ({ source, copies }));
}

function isWhole(instruction: CopyInstruction): boolean {
  if (instruction.exclude.length > 0) return false;
  return localSources(instruction).some(source => source === '/' || source === '/*' || source === '/**');
}

/** The copy of `/usr`, where directories copied from the same place leave little of a system out. */
function mostOf(copies: readonly Copy[]): Copy | undefined {
  const paths = new Set(copies.flatMap(({ instruction }) => localSources(instruction)));
  const others = ['/etc', '/bin', '/sbin', '/lib', '/lib64', '/var', '/opt', '/root'];
  if (!paths.has('/usr') || others.filter(path => paths.has(path)).length < 2) return undefined;
  return copies.find(({ instruction }) => localSources(instruction).includes('/usr'));
}

function operandOf({ step, instruction }: Copy, isWholeCopy: boolean) {
  const wanted = isWholeCopy ? ['/', '/*', '/**'] : ['/usr'];
  const index = instruction.sources.findIndex(source => wanted.includes(posix.resolve('/', source)));
  return step.instruction.operands[index];
}

/**
 * True for an image, as it is, that may be made to be copied whole: a kit of tools on `scratch`, such as
 * `tonistiigi/xx`. One with a program to start is a system, and more than that nobody knows without its layers.
 */
function isKit(source: StagePlan): boolean {
  if (lineageOf(source).some(stage => stage.steps.some(step => !isConfig(step.instruction.kind))))
    return false;
  const { Cmd: command = [], Entrypoint: entrypoint = [] } = source.image.config ?? {};
  return !source.isBaseKnown || command.length + entrypoint.length === 0;
}

function isConfig(kind: string): boolean {
  return !/^(?:RUN|COPY|ADD)$/.test(kind);
}

/**
 * True for a stage that only collects what others made: on `scratch`, nothing run in it, nothing whole taken into it.
 * Copying all of that is what it is for.
 */
function isAssembled(stage: StagePlan, known = new Map<StagePlan, boolean>()): boolean {
  const before = known.get(stage);
  if (before !== undefined) return before;
  const assembled = findAssembled(stage, known);
  known.set(stage, assembled);
  return assembled;
}

function findAssembled(stage: StagePlan, known: Map<StagePlan, boolean>): boolean {
  const lineage = lineageOf(stage);
  const bottom = lineage[0]!;
  if (bottom.replacement !== undefined) return true;
  if (bottom.wantedBase !== 'scratch') return false;
  // Only what is taken whole is looked into, and only once: stages may copy from one another in many ways.
  return copiedStages(stage).every(
    ({ source, copies }) =>
      !copies.some(({ instruction }) => isWhole(instruction)) || isAssembled(source, known),
  );
}
