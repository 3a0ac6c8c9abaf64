import { buildkitPlanRules, buildkitSyntaxRules } from './buildkit/rules.ts';
import { imageRules } from './rules/image.ts';
import { planRules } from './rules/plan.ts';
import { syntaxRules } from './rules/syntax.ts';
import type { ImageSubject, PlanSubject, Rule, SyntaxSubject } from './types.ts';

/** All rules, by what they look at, but for those of the frontend. Those of BuildKit come first. */
export const rules: {
  readonly syntax: readonly Rule<SyntaxSubject>[];
  readonly plan: readonly Rule<PlanSubject>[];
  readonly image: readonly Rule<ImageSubject>[];
} = {
  syntax: [...buildkitSyntaxRules, ...syntaxRules],
  plan: [...buildkitPlanRules, ...planRules],
  image: [...imageRules],
};
