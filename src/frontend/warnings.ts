import type { SourceRange } from '../util/errors.ts';
import type { FrontendWarning } from './types.ts';

/** Rules that need what only planning knows; the names are those of BuildKit's build checks, except the last. */
const rules = {
  InvalidBaseImagePlatform: 'Base image platform does not match expected target platform',
  InvalidDefaultArgInFrom: 'Default value for global ARG results in an empty or invalid base image name',
  UndefinedArgInFrom: 'FROM command must use declared ARGs',
  UndefinedVar: 'Variables should be defined before their use',
  FromPlatformFlagConstDisallowed: 'FROM --platform flag should not use a constant value',
  RedundantTargetPlatform:
    'Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior',
  WorkdirRelativePath:
    'Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes',
  CopyOutsideContext: 'Sources of COPY and ADD are within the build context',
} as const;

export type PlanningRule = keyof typeof rules;

/** What these rules say should be so. */
export const planningRules: Readonly<Record<PlanningRule, string>> = rules;

/** Collects each warning once, in the order of the file. */
export class Warnings {
  readonly #found = new Map<string, FrontendWarning>();

  /** Once for a message at a place, however often it is added. */
  add(rule: PlanningRule, message: string, range: SourceRange): void {
    const { line, column } = range.start;
    this.#found.set(`${rule} ${line}:${column} ${message}`, {
      rule,
      message,
      description: rules[rule],
      range,
    });
  }

  list(): FrontendWarning[] {
    return [...this.#found.values()].sort(
      (a, b) => a.range.start.line - b.range.start.line || a.range.start.column - b.range.start.column,
    );
  }
}
