import type { PlanSubject, Rule, SyntaxSubject } from '../types.ts';
import { consistentInstructionCasing, fromAsCasing } from './casing.ts';
import { noEmptyContinuation } from './continuation.ts';
import { invalidDefinitionDescription } from './descriptions.ts';
import { copyIgnoredFile } from './ignored-sources.ts';
import { maintainerDeprecated } from './maintainer.ts';
import { legacyKeyValueFormat, secretsUsedInArgOrEnv } from './pairs.ts';
import { exposeInvalidFormat, exposeProtoCasing } from './ports.ts';
import { multipleInstructionsDisallowed } from './repeated.ts';
import { jsonArgsRecommended } from './shell-form.ts';
import { duplicateStageName, reservedStageName, stageNameCasing } from './stage-names.ts';

/** BuildKit's rules that need no plan, though those of instructions see more where there is one. */
export const buildkitSyntaxRules: readonly Rule<SyntaxSubject>[] = [
  noEmptyContinuation,
  maintainerDeprecated,
  stageNameCasing,
  fromAsCasing,
  invalidDefinitionDescription,
  reservedStageName,
  duplicateStageName,
  consistentInstructionCasing,
  legacyKeyValueFormat,
  secretsUsedInArgOrEnv,
  multipleInstructionsDisallowed,
];

/** BuildKit's rules that need values of variables, or what a base image says. Those of FROM are the frontend's. */
export const buildkitPlanRules: readonly Rule<PlanSubject>[] = [
  copyIgnoredFile,
  exposeProtoCasing,
  exposeInvalidFormat,
  jsonArgsRecommended,
];
