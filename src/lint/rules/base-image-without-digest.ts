import { ownPage } from '../pages.ts';
import type { PlanSubject, Rule } from '../types.ts';
import { baseImages } from './unpinned-base-image.ts';

const name = 'BaseImageWithoutDigest';

/** A base image named by a version only, whose content may be another one tomorrow. */
export const baseImageWithoutDigest: Rule<PlanSubject> = {
  name,
  description: 'A base image with its digest is the same one in every build',
  url: ownPage(name),
  level: 'advice',
  check(subject, report) {
    const told = new Set<string>();
    for (const { stage, reference } of baseImages(subject)) {
      // Without a version there is more to be said: UnpinnedBaseImage says it.
      if (reference.digest !== undefined || !reference.tag || reference.tag === 'latest') continue;
      if (told.has(stage.wantedBase)) continue;
      told.add(stage.wantedBase);
      const digest = stage.baseName.split('@')[1];
      report({
        message: `Base image "${stage.wantedBase}" can change under its tag; ${digest === undefined ? 'add @sha256:... to pin it' : `@${digest} pins what it is now`}`,
        range: stage.stage!.from.operands[0]?.range ?? stage.range,
      });
    }
  },
};
