import type { Dockerfile } from '../dockerfile/types.ts';
import type { Platform } from '../image/types.ts';
import type { Output, ProxyEnv } from '../llb/index.ts';
import { type SourceRange, StagecraftError } from '../util/errors.ts';
import type { Budget } from './budget.ts';
import type { Env } from './env.ts';
import type { StagePlan } from './stage-plan.ts';
import type { FrontendRequest } from './types.ts';
import type { Warnings } from './warnings.ts';

/** What planning any instruction may need beside its stage. */
export interface Planner {
  readonly request: FrontendRequest;
  readonly file: Dockerfile;
  readonly targetPlatform: Platform;
  /** ARG before the first FROM, and the predefined ones. */
  readonly globalArgs: Env;
  /** With the source date, where there is one. */
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly proxyEnv: ProxyEnv | undefined;
  /** Seconds since the epoch, where times are to be fixed. */
  readonly epoch: number | undefined;
  readonly context: Output;
  readonly budget: Budget;
  readonly warnings: Warnings;
}

/** The stage's platform. */
export function platformFor(planner: Planner, stage: StagePlan): Platform {
  return stage.platform ?? planner.targetPlatform;
}

/** Runs the function, and tells of an error that has no place yet that it was here. */
export function at<T>(range: SourceRange, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw located(error, range);
  }
}

/** The error with a place, unless it has one, or is none of ours. */
export function located(error: unknown, range: SourceRange): unknown {
  if (!(error instanceof StagecraftError) || error.range !== undefined) return error;
  return new StagecraftError(error.code === 'usage' ? 'dockerfile' : error.code, error.message, {
    hint: error.hint,
    range,
    cause: error.cause,
    exitCode: error.exitCode,
  });
}
