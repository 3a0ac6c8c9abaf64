import type { ImageSubject, Rule } from '../types.ts';
import { buildToolsInImage } from './build-tools-in-image.ts';
import { devDependenciesInImage } from './dev-dependencies-in-image.ts';
import { gitDirectoryInImage } from './git-directory-in-image.ts';
import { missingCertificates } from './missing-certificates.ts';
import { missingTimeZones } from './missing-time-zones.ts';
import { packageCacheInImage } from './package-cache-in-image.ts';
import { programCannotStart } from './program-cannot-start.ts';
import { secretFileInImage } from './secret-file-in-image.ts';

/** Our own rules that look at a {@link ImageSubject}, each with a page in docs/checks. */
export const imageRules: readonly Rule<ImageSubject>[] = [
  buildToolsInImage,
  devDependenciesInImage,
  gitDirectoryInImage,
  missingCertificates,
  missingTimeZones,
  packageCacheInImage,
  programCannotStart,
  secretFileInImage,
];
