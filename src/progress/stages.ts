import { isCompleted, type Step } from './trace.ts';

/** Steps that are shown together. */
export interface StepGroup {
  /** The stage's name as displays show it (with the platform, where steps tell it); nothing for a lone step. */
  readonly title: string | undefined;
  readonly isStage: boolean;
  readonly steps: Step[];
}

const stageStep = /^\[(.*?) *(\d+)\/\d+\] /;
const otherGroup = /^\[([^\]]+)\] /;

/** Steps by stage: stages in the order in which they started, the steps of one in the order of the Dockerfile. */
export function groupByStage(steps: readonly Step[]): StepGroup[] {
  const groups = new Map<string, StepGroup & { places: Map<Step, number> }>();
  for (const step of steps) {
    const inStage = stageStep.exec(step.name);
    const title = inStage ? inStage[1] || 'stage' : otherGroup.exec(step.name)?.[1];
    const key = title === undefined ? step.digest : `${inStage ? 'stage' : 'other'} ${title}`;
    let group = groups.get(key);
    if (!group) {
      group = { title, isStage: inStage !== null, steps: [], places: new Map() };
      groups.set(key, group);
    }
    group.places.set(step, inStage ? Number(inStage[2]) : 0);
    group.steps.push(step);
  }
  return [...groups.values()].map(({ title, isStage, steps, places }) => ({
    title,
    isStage,
    steps: steps.sort((a, b) => places.get(a)! - places.get(b)!),
  }));
}

export function isGroupCompleted(group: StepGroup): boolean {
  return group.steps.every(isCompleted);
}
