import type { PlanSubject, Rule } from '../types.ts';
import { aptInstallRecommends } from './apt-install-recommends.ts';
import { aptListsLeft } from './apt-lists-left.ts';
import { baseImageWithoutDigest } from './base-image-without-digest.ts';
import { buildToolsInstalled } from './build-tools-in-image.ts';
import { copyWholeStage } from './copy-whole-stage.ts';
import { devDependenciesInstalled } from './dev-dependencies-in-image.ts';
import { gitDirectoryCopied } from './git-directory-in-image.ts';
import { healthcheckMissing } from './healthcheck-missing.ts';
import { identicalStages } from './identical-stages.ts';
import { installAfterSourceCopy } from './install-after-source-copy.ts';
import { npmInstallWithLockFile } from './npm-install-with-lock-file.ts';
import { pipCacheLeft } from './pip-cache-left.ts';
import { runsAsRoot } from './runs-as-root.ts';
import { secretFileCopied } from './secret-file-in-image.ts';
import { shellSwallowsSignals } from './shell-swallows-signals.ts';
import { unpinnedBaseImage } from './unpinned-base-image.ts';
import { unusedStage } from './unused-stage.ts';

/** Our own rules that look at a {@link PlanSubject}, each with a page in docs/checks. */
export const planRules: readonly Rule<PlanSubject>[] = [
  aptInstallRecommends,
  aptListsLeft,
  baseImageWithoutDigest,
  buildToolsInstalled,
  copyWholeStage,
  devDependenciesInstalled,
  gitDirectoryCopied,
  healthcheckMissing,
  identicalStages,
  installAfterSourceCopy,
  npmInstallWithLockFile,
  pipCacheLeft,
  runsAsRoot,
  secretFileCopied,
  shellSwallowsSignals,
  unpinnedBaseImage,
  unusedStage,
];
