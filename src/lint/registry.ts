import { buildkitPlanRules, buildkitSyntaxRules } from './buildkit/rules.ts';
import { imageRules } from './rules/image.ts';
import { planRules } from './rules/plan.ts';
import { syntaxRules } from './rules/syntax.ts';
import type { ImageSubject, PlanSubject, Rule, SyntaxSubject } from './types.ts';

/** Rules by what they look at. */
export interface Rules {
  readonly syntax: readonly Rule<SyntaxSubject>[];
  readonly plan: readonly Rule<PlanSubject>[];
  readonly image: readonly Rule<ImageSubject>[];
}

/** All rules but those of the frontend; BuildKit's come first. What builds apply is in build-rules.ts too. */
export const rules: Rules = {
  syntax: [...buildkitSyntaxRules, ...syntaxRules],
  plan: [...buildkitPlanRules, ...planRules],
  image: [...imageRules],
};
