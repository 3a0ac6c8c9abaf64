import { gitDirectoryInImage } from './rules/git-directory-in-image.ts';
import { missingCertificates } from './rules/missing-certificates.ts';
import { missingTimeZones } from './rules/missing-time-zones.ts';
import { programCannotStart } from './rules/program-cannot-start.ts';
import { secretFileInImage } from './rules/secret-file-in-image.ts';
import type { ImageSubject, Rule } from './types.ts';

/** The rules of level `warning` for what was built: those of the registry, without what only advice needs. */
export const imageWarnings: readonly Rule<ImageSubject>[] = [
  gitDirectoryInImage,
  missingCertificates,
  missingTimeZones,
  programCannotStart,
  secretFileInImage,
];
