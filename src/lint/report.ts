import type { StagecraftError } from '../util/errors.ts';
import type { Finding } from './types.ts';

/** What checking one Dockerfile gave. */
export interface CheckReport {
  /** The file as messages call it. */
  readonly name: string;
  /** Where it lies; nothing for one that is in no file here. */
  readonly path: string | undefined;
  /** As read. */
  readonly data: Uint8Array;
  /** In the order of the file. */
  readonly findings: readonly Finding[];
  /** Why it cannot be built: also that there are findings, where these count as errors. */
  readonly error: StagecraftError | undefined;
  /** Base images that are not in the store, so that what depends on them was not looked at. */
  readonly unknownImages: readonly string[];
}
