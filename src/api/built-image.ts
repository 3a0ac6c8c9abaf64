import type { ImageConfig } from '../image/types.ts';
import { checkImage } from '../lint/check.ts';
import type { Finding, ImageSubject } from '../lint/types.ts';
import type { RootFs } from '../snapshot/types.ts';
import { isErrno } from '../util/errors.ts';
import type { CheckedPlan } from './checked-plan.ts';
import type { BuildRequest } from './request.ts';
import type { BuildServices } from './services.ts';

/**
 * What the checks find in the files of an image that was just built. An ordinary user who did not need a user namespace
 * for the build may not read all of them: then nothing is found, unless advice was asked for.
 * @throws NamespaceRequired only where advice was asked for
 */
export async function checkBuiltImage(
  request: BuildRequest,
  { subject, options, warnings }: CheckedPlan,
  { rootFs, config, isNew }: { rootFs: RootFs; config: ImageConfig; isNew: boolean },
  { sources, solver }: BuildServices,
): Promise<Finding[]> {
  const level = request.checks?.level ?? 'warning';
  const open = (): ImageSubject => {
    if (level === 'advice') solver.beforeWork();
    // The context is not needed any more, and may be gone.
    const tree = sources.layers.view(rootFs);
    return {
      ...subject,
      context: undefined,
      tree,
      config,
      isNew: isNew || level === 'advice',
      told: warnings,
    };
  };
  try {
    return await checkImage(open, options, level);
  } catch (error) {
    if (level === 'warning' && isErrno(error, 'EACCES', 'EPERM')) return [];
    throw error;
  }
}
