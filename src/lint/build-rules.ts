import { buildkitPlanRules, buildkitSyntaxRules } from './buildkit/rules.ts';
import type { Rules } from './registry.ts';
import { copyWholeStage } from './rules/copy-whole-stage.ts';
import { gitDirectoryCopied } from './rules/git-directory-in-image.ts';
import { secretFileProbed } from './rules/secret-file-in-image.ts';
import { secretInDockerfile } from './rules/secret-in-dockerfile.ts';

/**
 * The rules of level `warning`, which builds apply: those of the registry, without the modules that only advice needs,
 * since a build that has nothing to do ends before they were loaded. Those for what was built are in image-warnings.ts.
 */
export const buildRules: Omit<Rules, 'image'> = {
  syntax: [...buildkitSyntaxRules, secretInDockerfile],
  plan: [...buildkitPlanRules, copyWholeStage, gitDirectoryCopied, secretFileProbed],
};
