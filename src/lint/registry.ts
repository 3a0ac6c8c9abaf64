import { imageRules } from './rules/image.ts';
import { planRules } from './rules/plan.ts';
import { syntaxRules } from './rules/syntax.ts';
import type { ImageSubject, PlanSubject, Rule, SyntaxSubject } from './types.ts';

/** All rules, by what they look at. Those of BuildKit come first. */
export const rules: {
  readonly syntax: readonly Rule<SyntaxSubject>[];
  readonly plan: readonly Rule<PlanSubject>[];
  readonly image: readonly Rule<ImageSubject>[];
} = {
  syntax: [...syntaxRules],
  plan: [...planRules],
  image: [...imageRules],
};
