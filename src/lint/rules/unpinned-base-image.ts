import type { StagePlan } from '../../frontend/stage-plan.ts';
import { parseName } from '../../image/reference.ts';
import { ownPage } from '../pages.ts';
import { reachedStages } from '../stages.ts';
import type { PlanSubject, Rule } from '../types.ts';

const name = 'UnpinnedBaseImage';

/** A base image without a tag, or with the tag `latest`: which version that is changes from day to day. */
export const unpinnedBaseImage: Rule<PlanSubject> = {
  name,
  description: 'A base image should be named with the version that the build was made for',
  url: ownPage(name),
  level: 'advice',
  check(subject, report) {
    for (const { stage, reference } of baseImages(subject)) {
      if (reference.digest !== undefined || !/^(?:latest)?$/.test(reference.tag ?? '')) continue;
      report({
        message:
          reference.tag === undefined
            ? `Base image "${stage.wantedBase}" has no tag, which means latest; name a version`
            : `Base image "${stage.wantedBase}" is whatever is latest; name a version`,
        range: stage.stage!.from.operands[0]?.range ?? stage.range,
      });
    }
  },
};

/** The images that stages of the file which the target needs are made from. */
export function baseImages(
  subject: PlanSubject,
): { stage: StagePlan; reference: ReturnType<typeof parseName> }[] {
  return reachedStages(subject).flatMap(stage => {
    if (stage.base !== undefined || stage.replacement !== undefined || stage.wantedBase === 'scratch')
      return [];
    try {
      return [{ stage, reference: parseName(stage.wantedBase) }];
    } catch {
      return [];
    }
  });
}
