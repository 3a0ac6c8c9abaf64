import type { ImageSubject, Rule } from '../types.ts';

/** Our own rules that look at a {@link ImageSubject}, each with a page in docs/checks. */
export const imageRules: readonly Rule<ImageSubject>[] = [];
