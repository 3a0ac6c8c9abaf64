import type { StagePlan } from '../../frontend/stage-plan.ts';
import { treeIdentifier } from '../../llb/index.ts';
import { ownPage } from '../pages.ts';
import { placeOfFrom, reachedStages, titleOf } from '../stages.ts';
import type { PlanSubject, Rule } from '../types.ts';

const name = 'IdenticalStages';

/** Two stages that are one: the same operations on the same base, and the same config. */
export const identicalStages: Rule<PlanSubject> = {
  name,
  description: 'What two stages do alike should be one stage',
  url: ownPage(name),
  level: 'advice',
  check(subject, report) {
    const idOf = treeIdentifier();
    const stages = reachedStages(subject).filter(stage => stage.steps.some(changesFiles));
    for (const alike of groups(stages, outline)) {
      for (const [first, ...others] of groups(alike, stage => identity(stage, idOf))) {
        for (const stage of others)
          report({
            message: `Stage ${titleOf(stage)} does just what stage ${titleOf(first!)} at line ${placeOfFrom(first!).start.line} does; use that one`,
            range: placeOfFrom(stage),
          });
      }
    }
  },
};

function changesFiles({ instruction }: StagePlan['steps'][number]): boolean {
  return /^(?:RUN|COPY|ADD)$/.test(instruction.kind);
}

/** What stages that are the same have in common at first sight: most files have no two such stages. */
function outline(stage: StagePlan): string {
  return JSON.stringify(
    stage.steps
      .filter(changesFiles)
      .map(({ instruction }) => [instruction.kind, instruction.operands.at(-1)?.text]),
  );
}

/** The graph of its files, and the config. */
function identity(stage: StagePlan, idOf: ReturnType<typeof treeIdentifier>): string {
  return JSON.stringify([idOf(stage.tree), stage.image.config, stage.platform]);
}

/** Those that have an equal, together. */
function groups(stages: readonly StagePlan[], key: (stage: StagePlan) => string): StagePlan[][] {
  return [...Map.groupBy(stages, key).values()].filter(group => group.length > 1);
}
