import type { Dockerfile, Stage } from '../dockerfile/types.ts';
import type { FrontendWarning } from '../frontend/types.ts';
import type { CheckOptions } from './options.ts';
import { planningFindings } from './planning.ts';
import { rules } from './registry.ts';
import { runRules } from './run.ts';
import { selectFindings } from './select.ts';
import type { Finding, ImageSubject, PlanSubject, Rule } from './types.ts';

/** A Dockerfile to check, with as much as is known of it. */
export interface CheckInput {
  readonly file: Dockerfile;
  /** The stages to look into. */
  readonly stages: readonly Stage[];
  /** What the frontend came upon. */
  readonly warnings: readonly FrontendWarning[];
  /** Where it could be planned. */
  readonly plan: PlanSubject | undefined;
}

/** Which rules are applied: advice too, or warnings alone. */
export type Level = Finding['level'];

/** What the rules find in a Dockerfile, and its options let through, in the order of the file. */
export async function checkDockerfile(
  { file, stages, warnings, plan }: CheckInput,
  options: CheckOptions,
  level: Level,
): Promise<Finding[]> {
  const findings = [
    ...planningFindings(file, warnings),
    ...(await runRules(atLevel(rules.syntax, level), { file, stages })),
    ...(plan === undefined ? [] : await runRules(atLevel(rules.plan, level), plan)),
  ];
  return selectFindings(file, findings, options);
}

/** What the rules find in that which was built. */
export async function checkImage(
  subject: ImageSubject,
  options: CheckOptions,
  level: Level,
): Promise<Finding[]> {
  return selectFindings(subject.file, await runRules(atLevel(rules.image, level), subject), options);
}

/** False where there is nothing to look for in what was built. */
export function hasImageRules(level: Level): boolean {
  return atLevel(rules.image, level).length > 0;
}

function atLevel<Subject>(all: readonly Rule<Subject>[], level: Level): readonly Rule<Subject>[] {
  return level === 'advice' ? all : all.filter(rule => rule.level === 'warning');
}

/** Rules of BuildKit, by name: only these can fail a build with `error=true` that succeeds with Docker. */
export function isBuildkitRule({ rule, url }: Finding): boolean {
  return url?.startsWith('https://docs.docker.com/') ?? rule === 'InvalidBaseImagePlatform';
}
