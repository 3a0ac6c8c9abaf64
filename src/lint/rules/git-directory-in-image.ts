import { posix } from 'node:path';
import { looking } from '../../files/read.ts';
import { sizeText, weigh } from '../../files/walk.ts';
import { textFromBytes } from '../../util/bytes.ts';
import { contextCopies, isExcluded, sourcePaths } from '../context-copies.ts';
import { findInImage } from '../image/inventory.ts';
import { isTold, placeOfPath } from '../image/places.ts';
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
    const repositories = findInImage(subject.tree).repositories.filter(
      path => looking(() => subject.tree.lstat(`${path}/HEAD`)) !== undefined,
    );
    const places = Map.groupBy(repositories, path => placeOfPath(subject, path, /\bgit\b/).start.line);
    for (const [first, ...others] of places.values()) {
      const range = placeOfPath(subject, first!, /\bgit\b/);
      if (isTold(subject, name, range)) continue;
      const more = others.length === 0 ? '' : `, as are ${others.length} more`;
      report({
        message: `${textFromBytes(first!)} is in the image${more}, ${sizeText(weigh(subject.tree, first!))}, with all that was ever committed; clone in a stage of its own, or remove it in the same RUN`,
        range,
      });
    }
  },
};
