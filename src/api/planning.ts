import { planDockerfile } from '../frontend/plan.ts';
import type { FrontendRequest, FrontendResult } from '../frontend/types.ts';
import { hostPlatform, parsePlatform } from '../image/platform.ts';
import { normalizeReference } from '../image/reference.ts';
import { type BuildInputs, readInputs } from './inputs.ts';
import type { BuildRequest } from './request.ts';
import type { BuildServices } from './services.ts';
import { imageResolver } from './sources.ts';
import { Task } from './task.ts';

/** Reads what the request names, and makes its graph and config; nothing of the Dockerfile runs. */
export async function planBuild(request: BuildRequest, services: BuildServices): Promise<FrontendResult> {
  return planInputs(request, await readInputs(request, services), services);
}

/** Makes graph and config of what was read, which is read once however many platforms are planned. */
export async function planInputs(
  request: BuildRequest,
  inputs: BuildInputs,
  { sources }: BuildServices,
): Promise<FrontendResult> {
  const progress = request.onProgress ?? (() => {});
  const resolveImage = imageResolver(sources);
  const target = request.platform === undefined ? hostPlatform() : parsePlatform(request.platform);
  return planDockerfile({
    ...inputs,
    target: request.target,
    buildArgs: new Map(Object.entries(request.buildArgs ?? {})),
    labels: new Map(Object.entries(request.labels ?? {})),
    targetPlatform: target,
    buildPlatform: hostPlatform(),
    implicitPlatform: request.platform === undefined,
    noCache: request.noCache ?? false,
    networkMode: request.network ?? 'default',
    extraHosts: request.addHosts ?? [],
    shmSize: request.shmSize,
    ulimits: request.ulimits,
    cgroupParent: request.cgroupParent,
    sourceDateEpoch: request.sourceDateEpoch,
    resolveImage: (ref, platform) =>
      Task.run(progress, `[internal] load metadata for ${normalizeReference(ref)}`, () =>
        resolveImage(ref, platform),
      ),
  } satisfies FrontendRequest);
}
