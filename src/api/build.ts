import { checkOutputs } from '../exporter/check.ts';
import type { Exported } from '../exporter/export.ts';
import { isForEngine } from '../exporter/outputs.ts';
import type { ImageResult, Output } from '../exporter/types.ts';
import type { FrontendResult } from '../frontend/types.ts';
import { formatPlatform, normalizePlatform } from '../image/platform.ts';
import { parseReference } from '../image/reference.ts';
import type { Finding } from '../lint/types.ts';
import type { ResultLayers } from '../snapshot/types.ts';
import { isHere, solve } from '../solver/solver.ts';
import { checkNewName } from '../store/images.ts';
import { noteOrigins } from '../store/origins.ts';
import type { Store } from '../store/store.ts';
import { StagecraftError } from '../util/errors.ts';
import type { BuildRun } from './attestations.ts';
import { checkBuiltImage } from './built-image.ts';
import { exportCaches } from './cache-export.ts';
import type { CheckedPlan } from './checked-plan.ts';
import { explainClimbing } from './climbing.ts';
import type { CommittedRequest } from './commit.ts';
import { explainGoals, goalsOf } from './goals.ts';
import { inlineCacheFor } from './known-results.ts';
import { writeOutputs } from './outputs.ts';
import { makesIndex, planBuild, platformsOf } from './planning.ts';
import type { BuildRequest, BuildResult } from './request.ts';
import { type BuildServices, withServices } from './services.ts';
import { isFit, isLayerLost, wantedBy } from './wanted.ts';
import { tellFindings } from './warnings.ts';

/**
 * Builds a Dockerfile's target stage and writes the result where the request says.
 * @throws StagecraftError that names the Dockerfile's line where it can
 * @throws NamespaceRequired where an ordinary user must first enter a user namespace
 */
export async function build(asked: BuildRequest): Promise<BuildResult> {
  const started = performance.now();
  const startedAt = new Date();
  const index = makesIndex(asked);
  const attestations = Object.values(asked.attestations ?? {});
  let outputs = outputsOf(asked, (asked.tags ?? []).map(checkNewName));
  if (outputs.some(isForEngine) && (index || attestations.some(({ inlineOnly }) => !inlineOnly)))
    outputs = await (await import('../exporter/load.ts')).forEngine(outputs, asked.signal);
  checkOutputs(outputs, {
    index,
    platforms: platformsOf(asked).map(each => formatPlatform(normalizePlatform(each))),
    attestations,
  });
  return withServices(asked, async services => {
    const { progress, signal, beforeWork } = services.solver;
    const { request, facts: commit } = await committed(asked, services);
    const plans = await planBuild(request, services);
    const goals = goalsOf(plans);
    const definitions = goals.map(goal => goal.definition);
    const wants = wantedBy(request, outputs);
    const solution = await solve(
      definitions,
      services.solver,
      (error, graphs) =>
        explainGoals(
          explainClimbing(error, plans[0]!.definition),
          graphs.map(graph => goals[graph]!),
        ),
      // Those of required stages come behind; nobody wants their files.
      graph => (graph < plans.length ? wants : goals[graph]!.scanned ? 'files' : 'nothing'),
    );
    const { steps, results, cacheMounts } = solution;
    const scanned = goals.flatMap(({ scanned }, i) =>
      scanned ? [{ ...scanned, rootFs: solution.rootFses[i]! }] : [],
    );
    const isNew = steps.some(({ durationMs }) => durationMs > 0);
    const found: Finding[] = [];
    const finish = async (layers: readonly ResultLayers[]): Promise<Finished> => {
      const images: ImageResult[] = [];
      for (const [i, { config, baseHistory }] of plans.entries()) {
        const own = layers[i]!;
        const inlineCache = carriesCache(request)
          ? await inlineCacheFor(services.solver, results, own)
          : undefined;
        const files = isHere(own) ? { rootFs: own } : { rootFs: [], layers: own };
        images.push({ ...files, config, baseHistory, inlineCache });
      }
      const stated = await stateOf(request, services, plans, images, { startedAt, commit, scanned });
      if (wants !== 'nothing' && images[0]!.layers === undefined) {
        found.push(...(await checkBuiltImage(request, plans[0]!, { ...images[0]!, isNew }, services)));
        tellFindings(request, found, plans[0]!.subject.file);
      }
      const outcome = { results: stated.results, index };
      const to = { ...services.sources, beforeWork, signal, progress };
      return { written: await writeOutputs(to, outcome, outputs), metadata: stated.metadata };
    };
    // What was promised elsewhere and cannot be had is brought, or made, after all.
    const bring = () => Promise.all(plans.map((_, i) => solution.bring(i)));
    let { layers } = solution;
    if (layers.some(each => !isFit(each, outputs))) layers = await bring();
    const { written, metadata } = await finish(layers).catch(async error => {
      if (!isLayerLost(error)) throw error;
      layers = await bring();
      return finish(layers);
    });
    const { blobs, store } = services.sources;
    noteLines(store, plans, written);
    const { sharedMounts } = services;
    const cache = await exportCaches({ ...services.solver, blobs, sharedMounts }, request.cacheTo ?? [], {
      results,
      images: layers.slice(0, plans.length),
      pushedTo: outputs.flatMap(({ push, names }) => (push ? names.map(parseReference) : [])),
      mounts: cacheMounts,
    });
    // As BuildKit answers where there are several: of each thing what the last output says of it.
    const made = written.flatMap(each => each.image ?? []);
    const image = made.findLast(each => each.configDigest !== undefined) ?? made.at(-1);
    const told = Object.assign({}, ...written.map(each => each.metadata));
    return {
      ...(image && { image }),
      names: [...new Set(written.flatMap(each => each.names))],
      metadata: { ...told, ...metadata, ...(cache && { 'cache.manifest': cache }) },
      steps,
      warnings: [...plans.flatMap(plan => plan.warnings), ...found],
      durationMs: performance.now() - started,
    };
  });
}

/**
 * The graph and the config that a request asks for, with nothing run but what a remote context needs to be read.
 * @throws StagecraftError `usage` for several platforms, each of which has a graph of its own
 */
export async function plan(request: BuildRequest): Promise<FrontendResult> {
  if (platformsOf(request).length > 1)
    throw new StagecraftError('usage', 'Each platform has a build graph of its own.', {
      hint: 'Name one platform.',
    });
  return withServices(request, async services => (await planBuild(request, services))[0]!);
}

/** What was written, and what the metadata says of how it came about. */
interface Finished {
  readonly written: Exported[];
  readonly metadata: Record<string, unknown>;
}

function carriesCache({ cacheTo = [] }: BuildRequest): boolean {
  return cacheTo.some(({ type }) => type === 'inline');
}

/** Keeps which lines made the layers of the images that are in the store now. */
function noteLines(store: Store, plans: readonly CheckedPlan[], written: readonly Exported[]): void {
  for (const { image } of written)
    image?.parts.forEach(({ descriptor }, i) => {
      const { layerLines: lines, subject } = plans[i]!;
      noteOrigins(store, descriptor.digest, { file: subject.file.name, lines });
    });
}

/** The request with what its context's commit adds to it. */
async function committed(request: BuildRequest, services: BuildServices): Promise<CommittedRequest> {
  const { commit, attestations, metadataProvenance } = request;
  if (!commit?.labels && !attestations?.provenance && metadataProvenance !== 'max')
    return { request, facts: {} };
  const { wantsCommit, withCommit } = await import('./commit.ts');
  return wantsCommit(request) ? withCommit(request, services) : { request, facts: {} };
}

/** The results with what is to be stated of them, and what the metadata says of how they came about. */
async function stateOf(
  request: BuildRequest,
  services: BuildServices,
  plans: readonly CheckedPlan[],
  results: readonly ImageResult[],
  run: BuildRun,
): Promise<{ results: readonly ImageResult[]; metadata: Record<string, unknown> }> {
  const { attestations = {}, metadataProvenance } = request;
  const isAsked = attestations.provenance || attestations.sbom || metadataProvenance;
  if (!isAsked) return { results, metadata: {} };
  const { attest } = await import('./attestations.ts');
  return attest(request, services, plans, results, run);
}

/** The tags go to every output that names images; without any output the image goes into the store. */
function outputsOf(request: BuildRequest, names: string[]): Output[] {
  const outputs = request.outputs ?? [];
  const epoch = request.sourceDateEpoch;
  const complete = (output: Output): Output => ({
    ...output,
    names: [...new Set([...names, ...output.names])],
    image: {
      epoch,
      ...output.image,
      annotations: [...(request.annotations ?? []), ...(output.image.annotations ?? [])],
    },
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
      store: true,
    }),
  ];
}
