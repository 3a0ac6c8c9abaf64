import type { FrontendRequest, ResolveImage } from '../frontend/types.ts';
import {
  equalPlatforms,
  formatPlatform,
  hostPlatform,
  normalizePlatform,
  parsePlatform,
} from '../image/platform.ts';
import { familiarName, normalizeReference } from '../image/reference.ts';
import type { Platform } from '../image/types.ts';
import { parseBoolean } from '../util/boolean.ts';
import { StagecraftError } from '../util/errors.ts';
import { type CheckedPlan, planChecked } from './checked-plan.ts';
import { type BuildInputs, readInputs } from './inputs.ts';
import type { BuildRequest } from './request.ts';
import type { BuildServices } from './services.ts';
import { layoutResolver, mainTree } from './sources.ts';
import { Task } from './task.ts';
import { tellFindings } from './warnings.ts';

/**
 * Reads what the request names, and makes graph and config for each platform, in the order in which they were asked
 * for; nothing of the Dockerfile runs.
 */
export async function planBuild(request: BuildRequest, services: BuildServices): Promise<CheckedPlan[]> {
  makesIndex(request);
  const inputs = await readInputs(request, services);
  const platforms = platformsOf(request);
  const plans = await Promise.allSettled(
    platforms.map(platform => planInputs(request, inputs, services, platform)),
  );
  return plans.map(plan => {
    if (plan.status === 'rejected') throw plan.reason;
    return plan.value;
  });
}

/** The platforms that are asked for, each once; this machine's where none is. @throws StagecraftError `usage` */
export function platformsOf({ platforms = [] }: BuildRequest): [Platform, ...Platform[]] {
  const asked = platforms.map(text => (text === 'local' ? hostPlatform() : parsePlatform(text)));
  const byName = new Map(asked.map(each => [formatPlatform(normalizePlatform(each)), each]));
  const [first = hostPlatform(), ...others] = byName.values();
  return [first, ...others];
}

/**
 * True where the image is an index of platforms: for several, and for a single one by `BUILDKIT_MULTI_PLATFORM`.
 * @throws StagecraftError `usage` where that forbids what was asked for
 */
export function makesIndex(request: BuildRequest): boolean {
  const isMany = platformsOf(request).length > 1;
  const text = request.buildArgs?.BUILDKIT_MULTI_PLATFORM;
  if (!text) return isMany;
  const value = parseBoolean(text);
  if (value === undefined)
    throw new StagecraftError(
      'usage',
      `The build argument BUILDKIT_MULTI_PLATFORM is "${text}", neither true nor false.`,
    );
  if (!value && isMany)
    throw new StagecraftError('usage', 'BUILDKIT_MULTI_PLATFORM=0 forbids an image for several platforms.', {
      hint: 'Leave the build argument out, or name one platform.',
    });
  return value;
}

/**
 * Makes graph and config of what was read, which is read once however many platforms are planned, and applies the
 * checks that builds apply.
 */
async function planInputs(
  request: BuildRequest,
  inputs: BuildInputs,
  { sources }: BuildServices,
  targetPlatform: Platform = platformsOf(request)[0],
): Promise<CheckedPlan> {
  const progress = request.onProgress ?? (() => {});
  const multiPlatform = makesIndex(request);
  const isFirst = equalPlatforms(targetPlatform, platformsOf(request)[0]);
  const of = multiPlatform ? `${formatPlatform(normalizePlatform(targetPlatform))} ` : '';
  const resolve: ResolveImage = (ref, platform) =>
    Task.run(progress, `[${of}internal] load metadata for ${normalizeReference(ref)}`, () =>
      sources.images.resolve(ref, platform),
    );
  const readLayout = layoutResolver(sources);
  const resolveLayout: typeof readLayout = (store, ref, platform) =>
    Task.run(progress, `[context ${familiarName(ref.replace(/@.*/, ''))}] load metadata for ${ref}`, () =>
      readLayout(store, ref, platform),
    );
  return planChecked(
    frontendRequest(request, inputs, targetPlatform, { resolveImage: resolve, resolveLayout }),
    () => mainTree(sources),
    (warnings, file) => {
      tellFindings(request, warnings, file);
    },
    // What is to be said of the Dockerfile is said once, as by BuildKit.
    isFirst ? request.checks : { options: { skip: 'all' } },
  );
}

/** What the frontend is to be asked, from the part of a request that shapes the graph. */
export function frontendRequest(
  request: BuildRequest,
  inputs: BuildInputs,
  targetPlatform: Platform,
  resolvers: Pick<FrontendRequest, 'resolveImage' | 'resolveLayout'>,
): FrontendRequest {
  return {
    ...inputs,
    target: request.target,
    required: request.require,
    scans: request.attestations?.sbom !== undefined,
    buildArgs: new Map(Object.entries(request.buildArgs ?? {})),
    labels: new Map(Object.entries(request.labels ?? {})),
    targetPlatform,
    multiPlatform: makesIndex(request),
    buildPlatform: hostPlatform(),
    implicitPlatform: !request.platforms?.length,
    noCache: request.noCache ?? false,
    networkMode: request.network ?? 'default',
    extraHosts: request.addHosts ?? [],
    shmSize: request.shmSize,
    ulimits: request.ulimits,
    cgroupParent: request.cgroupParent,
    sourceDateEpoch: request.sourceDateEpoch,
    ...resolvers,
  };
}
