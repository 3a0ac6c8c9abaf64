import { readJson } from '../content/json.ts';
import type { ContainerConfig, ImageConfig } from '../image/types.ts';
import { checkImage } from '../lint/check.ts';
import type { Finding, ImageSubject } from '../lint/types.ts';
import type { RootFs } from '../snapshot/types.ts';
import { configDigests, getNamed } from '../store/images.ts';
import { isErrno } from '../util/errors.ts';
import type { CheckedPlan } from './checked-plan.ts';
import type { BuildRequest } from './request.ts';
import type { BuildServices } from './services.ts';
import type { SourceServices } from './sources.ts';

/**
 * What the checks find in the files of an image that was just built. A build in which nothing ran looks only where what
 * the image starts has changed: the rest was told when it was made, and such a build ends before a look would. An ordinary user who did not need a user namespace
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
  if (level === 'warning' && !isNew && startsAsBefore(request, config, sources)) return [];
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

/** True if the image of the same name has the same files, and starts the same way; also where it goes without a name. */
function startsAsBefore(
  { tags = [] }: BuildRequest,
  config: ImageConfig,
  { store, blobs }: Pick<SourceServices, 'store' | 'blobs'>,
): boolean {
  const [tag] = tags;
  if (tag === undefined) return true;
  const record = getNamed(store, tag);
  const [digest] = record === undefined ? [] : configDigests(blobs, record.descriptor);
  if (digest === undefined || !blobs.has(digest)) return false;
  return startOf(readJson(blobs, digest).config) === startOf(config.config);
}

function startOf(config: unknown): string {
  const { Entrypoint, Cmd, Env, WorkingDir, Healthcheck, Volumes } = (config ?? {}) as ContainerConfig;
  return JSON.stringify([Entrypoint, Cmd, Env, WorkingDir, Healthcheck, Volumes]);
}
