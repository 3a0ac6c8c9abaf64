import type { PlanSubject, Rule } from '../types.ts';

/** Our own rules that look at a {@link PlanSubject}, each with a page in docs/checks. */
export const planRules: readonly Rule<PlanSubject>[] = [];
