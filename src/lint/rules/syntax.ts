import type { Rule, SyntaxSubject } from '../types.ts';
import { secretInDockerfile } from './secret-in-dockerfile.ts';

/** Our own rules that look at a {@link SyntaxSubject}, each with a page in docs/checks. */
export const syntaxRules: readonly Rule<SyntaxSubject>[] = [secretInDockerfile];
