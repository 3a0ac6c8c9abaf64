import { planDockerfile } from '../frontend/plan.ts';
import type { FrontendRequest, FrontendResult, NamedContext } from '../frontend/types.ts';
import { hostPlatform, parsePlatform } from '../image/platform.ts';
import { normalizeReference } from '../image/reference.ts';
import { type ContextInput, openContext, readDockerfile } from './inputs.ts';
import type { BuildRequest } from './request.ts';
import { imageResolver, type SourceServices } from './sources.ts';
import { Task } from './task.ts';

/** Reads what the request names, and makes its graph and config; nothing runs. */
export async function planBuild(request: BuildRequest, sources: SourceServices): Promise<FrontendResult> {
  const progress = request.onProgress ?? (() => {});
  const dockerfile = await Task.run(progress, '[internal] load build definition from Dockerfile', () =>
    readDockerfile(request),
  );
  const context = await Task.run(progress, '[internal] load .dockerignore', () =>
    openContext(request.context, dockerfile.path),
  );
  const contexts = sources.contexts as Map<string, ContextInput>;
  contexts.set('context', context);
  const resolveImage = imageResolver(sources);
  const target = request.platform === undefined ? hostPlatform() : parsePlatform(request.platform);
  return planDockerfile({
    dockerfile: { text: dockerfile.text, name: dockerfile.name },
    target: request.target,
    buildArgs: new Map(Object.entries(request.buildArgs ?? {})),
    labels: new Map(Object.entries(request.labels ?? {})),
    targetPlatform: target,
    buildPlatform: hostPlatform(),
    implicitPlatform: request.platform === undefined,
    noCache: request.noCache ?? false,
    namedContexts: namedContextsOf(request, contexts),
    ignorePatterns: context.ignorePatterns,
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

function namedContextsOf(
  request: BuildRequest,
  contexts: Map<string, ContextInput>,
): Map<string, NamedContext> {
  const named = new Map<string, NamedContext>();
  for (const [name, place] of Object.entries(request.namedContexts ?? {})) {
    if (place.startsWith('docker-image://')) {
      named.set(name, { type: 'image', ref: place.slice('docker-image://'.length) });
      continue;
    }
    const context = openContext(place);
    contexts.set(name, context);
    named.set(name, { type: 'local', name, ignorePatterns: context.ignorePatterns });
  }
  return named;
}
