import type { CopyAction } from '../llb/ops.ts';
import type { Entry } from '../snapshot/types.ts';
import { type FilterState, PathFilter } from '../source/filter.ts';
import type { DigestedTree } from '../source/types.ts';
import { type ByteString, bytesFromText, textFromBytes } from '../util/bytes.ts';
import { StagecraftError } from '../util/errors.ts';
import type { Pace } from '../util/pace.ts';
import { expandWildcards, hasWildcards, resolveParents } from './wildcards.ts';

/** One path that a copy starts from. */
export interface CopySource {
  /** The last part of the path as written or matched: the name it gets in a directory. */
  readonly name: ByteString;
  /** The path as written or matched, clean. */
  readonly written: ByteString;
  /** Free of symlinks, except in the last part where the action does not follow. */
  readonly path: ByteString;
  readonly entry: Entry;
}

/**
 * What a copy starts from: its path, or all that its pattern matches.
 * @throws StagecraftError `not-found`
 */
export function selectSources(tree: DigestedTree, action: CopyAction): CopySource[] {
  let paths: ByteString[] | undefined = [bytesFromText(action.src)];
  if (action.allowWildcard && hasWildcards(action.src)) {
    paths = expandWildcards(tree, action.src, action.followSymlink);
    if (paths === undefined || (paths.length === 0 && !action.allowEmptyWildcard))
      throw missing(tree, action.src, 'matches nothing');
  }
  return paths.map(written => {
    const clean = `/${written
      .split('/')
      .filter(part => part !== '' && part !== '.')
      .join('/')}`;
    const path = action.followSymlink ? tree.resolve(clean) : resolveParents(tree, clean);
    const entry = tree.lstat(path);
    if (entry === undefined) throw missing(tree, textFromBytes(clean), 'does not exist');
    return { written: clean, name: clean.slice(clean.lastIndexOf('/') + 1), path, entry };
  });
}

function missing(tree: DigestedTree, path: string, why: string): StagecraftError {
  const shown = path.replace(/^\/(?=.)/, '');
  if (tree.kind === 'context')
    return new StagecraftError(
      'not-found',
      `${JSON.stringify(shown)} ${why} in the build context, or .dockerignore excludes it.`,
    );
  const where = { layers: 'image or stage copied from', repository: 'repository', download: 'download' };
  return new StagecraftError('not-found', `${JSON.stringify(path)} ${why} in the ${where[tree.kind]}.`);
}

/** The patterns of a copy; nothing if it takes all. */
export function filterOf(action: CopyAction): PathFilter | undefined {
  return action.includePatterns.length === 0 && action.excludePatterns.length === 0
    ? undefined
    : new PathFilter(action.includePatterns, action.excludePatterns);
}

/** One entry that a walk meets. */
export interface Step {
  /** Below the walk's start: empty for it, else starting with `/`. */
  readonly relative: ByteString;
  readonly path: ByteString;
  readonly entry: Entry;
}

/** What a walk calls, in byte order and in depth. */
export interface Visitor {
  /** A directory that is selected, or (`implied`) one that holds something selected, before the first such thing. */
  enter(step: Step, implied: boolean): void | Promise<void>;
  /** The end of a directory that was entered. */
  leave(step: Step, implied: boolean): void;
  /** Anything else that is selected. */
  visit(step: Step): void | Promise<void>;
}

/** A directory on the way down, not entered as long as nothing in it is selected. */
interface Level {
  readonly step: Step;
  entered: boolean;
  readonly implied: boolean;
}

/** Walks what a copy takes of a source: all below it, or what its filter lets through. */
export async function walkSelected(
  tree: DigestedTree,
  source: CopySource,
  filter: PathFilter | undefined,
  visitor: Visitor,
  pace: Pace,
): Promise<void> {
  const levels: Level[] = [];
  const enterAll = async (): Promise<void> => {
    for (const level of levels) {
      if (level.entered) continue;
      level.entered = true;
      const entering = visitor.enter(level.step, level.implied);
      if (entering !== undefined) await entering;
    }
  };
  const descend = async (step: Step, selected: boolean, state: FilterState): Promise<void> => {
    const level: Level = { step, entered: false, implied: !selected };
    levels.push(level);
    if (selected) await enterAll();
    const prefix = step.path === '/' ? '/' : `${step.path}/`;
    for (const name of tree.list(step.path)) {
      if (pace.due) await pace.rest();
      const path = prefix + name;
      const entry = tree.lstat(path);
      if (entry === undefined || entry.type === 'socket') continue;
      const next = { relative: `${step.relative}/${name}`, path, entry };
      const test = filter?.test(next.relative, state);
      const isSelected = test?.matched ?? true;
      if (entry.type === 'directory') {
        if (isSelected || test?.maybeBelow)
          await descend(next, isSelected, filter?.enter(next.relative, state) ?? {});
      } else if (isSelected) {
        if (!levels.at(-1)!.entered) await enterAll();
        const visiting = visitor.visit(next);
        if (visiting !== undefined) await visiting;
      }
    }
    levels.pop();
    if (level.entered) visitor.leave(step, level.implied);
  };
  const start = { relative: '', path: source.path, entry: source.entry };
  if (source.entry.type === 'directory') await descend(start, true, {});
  else await visitor.visit(start);
}
