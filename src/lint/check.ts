import type { Dockerfile } from '../dockerfile/types.ts';
import type { FrontendWarning } from '../frontend/types.ts';
import { buildRules } from './build-rules.ts';
import type { CheckOptions } from './options.ts';
import { planningFindings } from './planning.ts';
import type { Rules } from './registry.ts';
import { runRules } from './run.ts';
import { selectFindings } from './select.ts';
import type { Finding, ImageSubject, PlanSubject, SyntaxSubject } from './types.ts';

/** A Dockerfile to check, with as much as is known of it. */
export interface CheckInput {
  readonly file: Dockerfile;
  /** The stages to look into. */
  readonly stages: SyntaxSubject['stages'];
  /** What they consist of. */
  readonly steps: SyntaxSubject['steps'];
  /** What the frontend came upon. */
  readonly warnings: readonly FrontendWarning[];
  /** Where it could be planned. */
  readonly plan: PlanSubject | undefined;
}

/** Which rules are applied: advice too, or warnings alone. */
export type Level = Finding['level'];

/** What the rules find in a Dockerfile, and its options let through, in the order of the file. */
export async function checkDockerfile(
  { file, stages, steps, warnings, plan }: CheckInput,
  options: CheckOptions,
  level: Level,
): Promise<Finding[]> {
  const rules = await loadRules(level);
  const findings = [
    ...planningFindings(file, warnings),
    ...(await runRules(rules.syntax, { file, stages, steps })),
    ...(plan === undefined ? [] : await runRules(rules.plan, plan)),
  ];
  return selectFindings(file, findings, options);
}

/** What the rules find in that which was built, given by `open`. */
export async function checkImage(
  open: () => ImageSubject,
  options: CheckOptions,
  level: Level,
): Promise<Finding[]> {
  const image =
    level === 'warning'
      ? (await import('./image-warnings.ts')).imageWarnings
      : (await import('./registry.ts')).rules.image;
  const subject = open();
  return selectFindings(subject.file, await runRules(image, subject), options);
}

async function loadRules(level: Level): Promise<Omit<Rules, 'image'>> {
  return level === 'warning' ? buildRules : (await import('./registry.ts')).rules;
}

/** Rules of BuildKit, by name: only these can fail a build with `error=true` that succeeds with Docker. */
export function isBuildkitRule({ rule, url }: Finding): boolean {
  return url?.startsWith('https://docs.docker.com/') ?? rule === 'InvalidBaseImagePlatform';
}
