import { posix } from 'node:path';
import { PatternMatcher } from '../dockerfile/pattern-matcher.ts';
import type { AddInstruction, CopyInstruction } from '../dockerfile/types.ts';
import { expandWildcards, hasWildcards } from '../fileop/wildcards.ts';
import { looking } from '../files/read.ts';
import type { StagePlan } from '../frontend/stage-plan.ts';
import type { FileTree } from '../snapshot/types.ts';
import { type ByteString, bytesFromText, textFromBytes } from '../util/bytes.ts';
import { type FileStep, stepsOfKind } from './stages.ts';

/** A COPY or ADD that takes files from the build context. */
export type ContextCopy = FileStep<CopyInstruction | AddInstruction>;

/** Those of the stages, in their order. */
export function contextCopies(stages: Iterable<StagePlan>): ContextCopy[] {
  return stepsOfKind(stages, 'COPY', 'ADD').filter(
    ({ instruction }) =>
      !(instruction.kind === 'COPY' && instruction.from) && localSources(instruction).length > 0,
  );
}

/** Its sources that are paths, absolute in the tree that they are taken from; `/` is all of it. */
export function localSources({ sources }: CopyInstruction | AddInstruction): string[] {
  return sources
    .filter(source => !/^(?:[a-z][a-z0-9+.-]*:\/\/|git@)/i.test(source))
    .map(source => posix.resolve('/', source));
}

/** Where it copies to: absolute, without a slash at its end. */
export function destinationOf({ instruction, known }: ContextCopy): string {
  return posix.resolve('/', known.cwd, instruction.destination);
}

/** Paths in the context that its sources mean. */
export function sourcePaths(context: FileTree, { instruction }: ContextCopy): ByteString[] {
  return localSources(instruction).flatMap(source => {
    if (hasWildcards(source)) return looking(() => expandWildcards(context, source, true)) ?? [];
    const path = looking(() => context.resolve(bytesFromText(source)));
    return path !== undefined && looking(() => context.lstat(path)) ? [path] : [];
  });
}

/**
 * The file of the context that these copies put at a path of the image, the latest first.
 * @param path absolute, as text
 */
export function contextFileAt(
  context: FileTree,
  copies: readonly ContextCopy[],
  path: string,
): ByteString | undefined {
  for (const copy of copies.toReversed())
    for (const source of sourcePaths(context, copy)) {
      const found = landing(context, copy, source, path);
      if (found !== undefined) return found;
    }
  return undefined;
}

function landing(
  context: FileTree,
  copy: ContextCopy,
  source: ByteString,
  path: string,
): ByteString | undefined {
  const { instruction } = copy;
  const destination = destinationOf(copy);
  const below = posix.relative(destination, path);
  if (below.startsWith('..')) return undefined;
  if (instruction.kind === 'COPY' && instruction.parents) {
    const whole = bytesFromText(posix.resolve('/', below));
    return isWithin(whole, source) && isFile(context, whole) ? whole : undefined;
  }
  if (looking(() => context.lstat(source))?.type === 'directory') {
    if (below === '') return undefined;
    const file = posix.join(source, bytesFromText(below));
    return !isExcluded(instruction, below) && isFile(context, file) ? file : undefined;
  }
  return below === '' || below === textFromBytes(posix.basename(source)) ? source : undefined;
}

function isFile(context: FileTree, path: ByteString): boolean {
  return looking(() => context.lstat(context.resolve(path)))?.type === 'file';
}

/** True if the path is the directory or below it. */
export function isWithin(path: string, directory: string): boolean {
  return directory === '/' || path === directory || path.startsWith(`${directory}/`);
}

/** True if `--exclude` leaves out this path, which is relative to the directory that is copied. */
export function isExcluded({ exclude }: CopyInstruction | AddInstruction, path: string): boolean {
  if (exclude.length === 0) return false;
  return looking(() => new PatternMatcher(exclude).match(path).matched) ?? false;
}
