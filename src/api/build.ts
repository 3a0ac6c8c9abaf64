import { availableParallelism } from 'node:os';
import type { Exported } from '../exporter/export.ts';
import { checkOutput, type Output } from '../exporter/outputs.ts';
import { planDockerfile } from '../frontend/plan.ts';
import type { FrontendRequest, FrontendResult, NamedContext } from '../frontend/types.ts';
import { hostPlatform, parsePlatform } from '../image/platform.ts';
import { normalizeReference } from '../image/reference.ts';
import { openLayerStore } from '../snapshot/layer-store.ts';
import { solve } from '../solver/solver.ts';
import type { SolverServices } from '../solver/types.ts';
import { LayerDigests } from '../source/layers.ts';
import { blobsOf } from '../store/blobs.ts';
import { checkNewName } from '../store/images.ts';
import { takeLease } from '../store/leases.ts';
import { openStore } from '../store/store.ts';
import { ambientOf } from './ambient.ts';
import { explainClimbing } from './climbing.ts';
import { type ContextInput, openContext, readDockerfile } from './inputs.ts';
import { lend } from './lent.ts';
import { writeOutput } from './outputs.ts';
import type { BuildRequest, BuildResult } from './request.ts';
import { imageResolver, type SourceServices, sourceResolver } from './sources.ts';
import { Task } from './task.ts';
import { workGate } from './work-gate.ts';

/**
 * Builds a Dockerfile's target stage and writes the result where the request says.
 * @throws StagecraftError that names the Dockerfile's line where it can
 * @throws NamespaceRequired where an ordinary user must first enter a user namespace
 */
export async function build(request: BuildRequest): Promise<BuildResult> {
  const started = performance.now();
  const progress = request.onProgress ?? (() => {});
  const signal = request.signal ?? new AbortController().signal;
  const outputs = outputsOf(request, (request.tags ?? []).map(checkNewName));
  for (const output of outputs) checkOutput(output);
  const store = openStore(request.store);
  const lease = takeLease(store);
  const since = Date.now();
  const layers = openLayerStore(store);
  const digests = new LayerDigests(layers);
  const sources: SourceServices = {
    store,
    blobs: blobsOf(store),
    layers,
    contexts: new Map(),
    opened: [],
  };
  const beforeWork = workGate(store);
  try {
    const plan = await planBuild(request, sources);
    const services: SolverServices = {
      store,
      layers,
      digests,
      since,
      resolveSource: sourceResolver(sources),
      sandbox: async () => (await import('../sandbox/choose.ts')).chooseSandbox(),
      lent: lend(request.secrets ?? [], request.ssh ?? [], process.env),
      ambient: await ambientOf(request),
      allowInsecure: request.allow?.includes('security.insecure') ?? false,
      jobs: request.jobs ?? Math.max(4, availableParallelism()),
      progress,
      signal,
      beforeWork,
    };
    const { rootFs, steps } = await solve(plan.definition, services).catch((error: unknown) => {
      throw explainClimbing(error, plan.definition);
    });
    const result = { rootFs, config: plan.config };
    const written: Exported[] = [];
    for (const output of outputs)
      written.push(
        await Task.run(progress, titleOf(output), task =>
          writeOutput({ ...sources, beforeWork, signal }, result, output, task),
        ),
      );
    const first = written.find(each => each.image !== undefined);
    return {
      ...(first?.image && { image: first.image }),
      names: [...new Set(written.flatMap(each => each.names))],
      metadata: first?.metadata ?? {},
      steps,
      warnings: plan.warnings,
      durationMs: performance.now() - started,
    };
  } finally {
    try {
      for (const tree of sources.opened) tree.close();
      digests.save();
    } finally {
      lease.release();
      store.close();
    }
  }
}

/** The graph and the config that a request asks for, with nothing run. */
export async function plan(request: BuildRequest): Promise<FrontendResult> {
  const store = openStore(request.store);
  try {
    const layers = openLayerStore(store);
    return await planBuild(request, {
      store,
      blobs: blobsOf(store),
      layers,
      contexts: new Map(),
      opened: [],
    });
  } finally {
    store.close();
  }
}

async function planBuild(request: BuildRequest, sources: SourceServices): Promise<FrontendResult> {
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

/** The tags go to every output that names images; without any output the image goes into the store. */
function outputsOf(request: BuildRequest, names: string[]): Output[] {
  const outputs = request.outputs ?? [];
  const epoch = request.sourceDateEpoch;
  const complete = (output: Output): Output => ({
    ...output,
    names: [...new Set([...names, ...output.names])],
    image: { epoch, ...output.image },
  });
  if (outputs.length > 0) return outputs.map(complete);
  return [
    complete({
      type: 'image',
      names: [],
      image: { compression: { type: 'gzip' }, mediaTypes: 'oci' },
      tar: true,
      mode: 'copy',
      push: false,
      pushByDigest: false,
      insecure: false,
    }),
  ];
}

function titleOf(output: Output): string {
  switch (output.type) {
    case 'oci':
      return 'exporting to oci image format';
    case 'docker':
      return 'exporting to docker image format';
    case 'tar':
      return 'exporting to client tarball';
    case 'local':
      return 'exporting to client directory';
    case 'cacheonly':
      return 'keeping the result in the cache';
    default:
      return 'exporting to image';
  }
}
