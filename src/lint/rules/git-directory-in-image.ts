import { posix } from 'node:path';
import { textFromBytes } from '../../util/bytes.ts';
import { contextCopies, isExcluded, looking, sourcePaths } from '../context-copies.ts';
import { findInImage } from '../image/inventory.ts';
import { isTold, placeOfPath } from '../image/places.ts';
import { sizeText, weigh } from '../image/walk.ts';
import { ownPage } from '../pages.ts';
import { lineageOf } from '../stages.ts';
import type { ImageSubject, PlanSubject, Rule } from '../types.ts';

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

/** `.git` is in the image, however it came there. */
export const gitDirectoryInImage: Rule<ImageSubject> = {
  ...gitDirectoryCopied,
  check(subject, report) {
    if (!subject.isNew) return;
    for (const path of findInImage(subject.tree).repositories) {
      if (looking(() => subject.tree.lstat(`${path}/HEAD`)) === undefined) continue;
      const range = placeOfPath(subject, path, /\bgit\b/);
      if (isTold(subject, name, range)) continue;
      report({
        message: `${textFromBytes(path)} is in the image, ${sizeText(weigh(subject.tree, path))}, with all that was ever committed; clone in a stage of its own, or remove it in the same RUN`,
        range,
      });
    }
  },
};
