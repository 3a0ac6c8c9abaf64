import { availableParallelism } from 'node:os';
import type { Exported } from '../exporter/export.ts';
import { checkOutput, type Output } from '../exporter/outputs.ts';
import type { FrontendResult } from '../frontend/types.ts';
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
import { lend } from './lent.ts';
import { writeOutput } from './outputs.ts';
import { planBuild } from './planning.ts';
import type { BuildRequest, BuildResult } from './request.ts';
import { type SourceServices, sourceResolver } from './sources.ts';
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
