import { posix } from 'node:path';
import { textFromBytes } from '../../util/bytes.ts';
import { contextCopies, isExcluded, looking, sourcePaths } from '../context-copies.ts';
import { ownPage } from '../pages.ts';
import { lineageOf } from '../stages.ts';
import type { PlanSubject, Rule } from '../types.ts';

const name = 'GitDirectoryInImage';

/** `.git`, with all of the project's past, is copied from the context into the final image. */
export const gitDirectoryCopied: Rule<PlanSubject> = {
  name,
  description: 'The history of a repository should not be in the image',
  url: ownPage(name),
  level: 'warning',
  check({ context, target }, report) {
    if (context === undefined) return;
    for (const copy of contextCopies(lineageOf(target))) {
      const directory = sourcePaths(context, copy).find(
        path =>
          !isExcluded(copy.instruction, '.git') &&
          looking(() => context.lstat(posix.join(path, '.git')))?.type === 'directory',
      );
      if (directory === undefined) continue;
      report({
        message: `${copy.instruction.kind} takes ${textFromBytes(posix.join(directory, '.git')).slice(1)} into the image, with all that was ever committed; name .git in .dockerignore`,
        range: copy.step.instruction.range,
      });
    }
  },
};
