import { expandWord } from '../dockerfile/expand.ts';
import type { Expansion, Stage } from '../dockerfile/types.ts';
import { normalizePlatform, parsePlatform } from '../image/platform.ts';
import { parseName } from '../image/reference.ts';
import { StagecraftError } from '../util/errors.ts';
import { goQuote } from '../util/go-text.ts';
import { nearest } from '../util/suggest.ts';
import { predefinedArgs, withMetaArgs } from './arguments.ts';
import type { Planner } from './planner.ts';

// What is questionable about a FROM shows when its variables are replaced. Rules and messages are BuildKit's.

/** Tells of variables in FROM that no ARG above it declares. */
export function warnUndeclared(planner: Planner, stage: Stage, { unmatched }: Expansion): void {
  const { file, globalArgs, warnings } = planner;
  const declared = new Set([
    ...file.metaArgs.flatMap(({ args }) => args.map(arg => arg.key)),
    ...globalArgs.names(),
  ]);
  for (const name of unmatched) {
    if (declared.has(name)) continue;
    const meant = nearest(name, declared);
    const hint = meant === undefined ? '' : ` (did you mean ${meant}?)`;
    warnings.add('UndefinedArgInFrom', `FROM argument '${name}' is not declared${hint}`, stage.from.range);
  }
}

/** Tells of a platform that is the same for all, or that is what it would be anyhow. */
export function warnPlatformFlag(planner: Planner, stage: Stage, platform: Expansion): void {
  const { globalArgs, warnings } = planner;
  const { result, used, unmatched } = platform;
  const written = stage.platform ?? '';
  if (unmatched.size > 0) return;
  if (used.size === 0 && isConstPlatform(stage, result))
    warnings.add(
      'FromPlatformFlagConstDisallowed',
      `FROM --platform flag should not use constant value ${goQuote(result)}`,
      stage.from.range,
    );
  if (used.size === 1 && used.has('TARGETPLATFORM') && result === globalArgs.get('TARGETPLATFORM'))
    warnings.add(
      'RedundantTargetPlatform',
      `Setting platform to predefined ${written} in FROM is redundant as this is the default behavior`,
      stage.from.range,
    );
}

/** A stage whose name tells of the platform is meant to be for it. One that is no platform is an error of its own. */
function isConstPlatform(stage: Stage, text: string): boolean {
  try {
    const { os, architecture } = normalizePlatform(parsePlatform(text));
    const name = stage.name ?? '';
    return !name.includes(os) && !name.includes(architecture);
  } catch {
    return false;
  }
}

/** Tells of stages that could not be built without `--build-arg`. */
export function warnDefaultBases(planner: Planner): void {
  const { file, request, warnings } = planner;
  const target = file.stages.at(-1)?.name ?? 'default';
  const expand = (word: string, env: Planner['globalArgs']) =>
    expandWord(word, env, { escape: file.escape }).result;
  try {
    const args = withMetaArgs(predefinedArgs(request, target), file.metaArgs, new Map(), expand);
    for (const stage of file.stages)
      if (!isReference(expand(stage.baseName, args)))
        warnings.add(
          'InvalidDefaultArgInFrom',
          `Default value for ARG ${stage.baseName} results in empty or invalid base image name`,
          stage.from.range,
        );
  } catch (error) {
    // What cannot be expanded is an error in a moment, with its place.
    if (!(error instanceof StagecraftError)) throw error;
  }
}

function isReference(text: string): boolean {
  try {
    parseName(text);
    return true;
  } catch {
    return false;
  }
}
