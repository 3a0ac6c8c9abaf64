import { posix } from 'node:path';
import { type ByteString, textFromBytes } from '../../util/bytes.ts';
import type { SourceRange } from '../../util/errors.ts';
import { isWithin } from '../context-copies.ts';
import { lineageOf, placeOfFrom, stepsOf } from '../stages.ts';
import type { ImageSubject, PlanSubject } from '../types.ts';

/**
 * The instruction that most likely brought a path into the image: the last COPY or ADD to a directory that it is in,
 * else the last RUN whose text matches, else the FROM.
 */
export function placeOfPath({ target }: PlanSubject, path: ByteString, mention?: RegExp): SourceRange {
  const steps = stepsOf(lineageOf(target));
  const text = textFromBytes(path);
  let best: { range: SourceRange; length: number } | undefined;
  for (const { instruction, known, step } of steps) {
    if (instruction.kind !== 'COPY' && instruction.kind !== 'ADD') continue;
    const destination = posix.resolve('/', known.cwd, instruction.destination);
    if (isWithin(text, destination) && destination.length >= (best?.length ?? 0))
      best = { range: step.instruction.range, length: destination.length };
  }
  const run =
    mention &&
    steps.findLast(({ instruction }) => instruction.kind === 'RUN' && mentions(instruction, mention));
  // A copy to the root says little where a command is known to write such files.
  if (best !== undefined && (best.length > 1 || run === undefined)) return best.range;
  return run?.step.instruction.range ?? placeOfFrom(target);
}

/** The last RUN of the image's own that matches; nothing if what it is about comes from the base. */
export function placeOfRun({ target }: PlanSubject, mention: RegExp): SourceRange | undefined {
  return stepsOf(lineageOf(target)).findLast(
    ({ instruction }) => instruction.kind === 'RUN' && mentions(instruction, mention),
  )?.step.instruction.range;
}

function mentions(
  instruction: { original: string; shellText?: string | undefined },
  pattern: RegExp,
): boolean {
  return pattern.test(instruction.original) || pattern.test(instruction.shellText ?? '');
}

/** True if the rule found something in the same instruction before the image was built. */
export function isTold({ told }: ImageSubject, rule: string, { start }: SourceRange): boolean {
  return told.some(found => found.rule === rule && found.range.start.line === start.line);
}
