import type { SourceRange } from '../util/errors.ts';
import type { FrontendWarning } from './types.ts';

const documentation = 'https://docs.docker.com/go/dockerfile/rule';

/** Rules that need what only planning knows; the names are those of BuildKit's build checks. */
const rules = {
  InvalidBaseImagePlatform: 'Base image platform does not match expected target platform',
  UndefinedArgInFrom: 'FROM command must use declared ARGs',
  UndefinedVar: 'Variables should be defined before their use',
  WorkdirRelativePath:
    'Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes',
  CopyOutsideContext: 'Sources of COPY and ADD are within the build context',
} as const;

/** Collects each warning once, in the order of the file. */
export class Warnings {
  readonly #found = new Map<string, FrontendWarning>();

  add(rule: keyof typeof rules, message: string, range: SourceRange): void {
    const own = rule === 'CopyOutsideContext';
    this.put({
      rule,
      message,
      description: rules[rule],
      ...(!own && { url: `${documentation}/${rule.replace(/(?<!^)[A-Z]/g, c => `-${c}`).toLowerCase()}/` }),
      range,
    });
  }

  put(warning: FrontendWarning): void {
    const { line, column } = warning.range.start;
    this.#found.set(`${warning.rule} ${line}:${column} ${warning.message}`, warning);
  }

  list(): FrontendWarning[] {
    return [...this.#found.values()].sort(
      (a, b) => a.range.start.line - b.range.start.line || a.range.start.column - b.range.start.column,
    );
  }
}
