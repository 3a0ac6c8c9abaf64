import { randomUUID } from 'node:crypto';
import { CacheRecords } from '../cache/records.ts';
import type { CachedResult } from '../cache/shared.ts';
import type { Definition } from '../llb/definition.ts';
import { type Edge, type Graph, type GraphVertex, unmarshal } from '../llb/index.ts';
import type { ResultLayers, RootFs } from '../snapshot/types.ts';
import type { Digest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { type CacheMountUse, cacheMountsOf } from './cache-mount.ts';
import { Limit } from './limit.ts';
import type { StepReport } from './reporter.ts';
import { permit } from './rights.ts';
import type { Step } from './step.ts';
import { stepOf } from './steps.ts';
import type { SolverServices, StepContext } from './types.ts';

/** What an error becomes, given the positions of the graphs that need the step which failed; none is known for some. */
export type Explain = (error: unknown, graphs: readonly number[]) => unknown;

/** What is wanted of a result: its files, its layers wherever they lie, or nothing but that it is known. */
export type Wants = 'files' | 'layers' | 'nothing';

export interface Solution {
  /** For each graph the root file system that its result names; empty where its files are not here. */
  rootFses: RootFs[];
  /** For each graph the layers of its result; none where nobody wants them. */
  layers: ResultLayers[];
  /** Brings the files of a result after all. @throws as {@link solve} */
  bring(graph: number): Promise<RootFs>;
  steps: StepReport[];
  /** What the steps made, or found made, as other machines may find it. */
  results: CachedResult[];
  /** The cache mounts of all steps. */
  cacheMounts: CacheMountUse[];
}

/**
 * Solves build graphs as one: each operation that a result needs is answered from the cache, or runs, as soon as what it
 * stands on is there; what several graphs have runs once. The first failure stops all.
 * @param wants what somebody wants of a graph's result, by the graph's position
 * @throws StagecraftError `usage` for rights that the user does not give; `build` when a process fails; `cancelled`; and what sources and file operations throw
 */
export async function solve(
  definitions: readonly Definition[],
  services: SolverServices,
  explain: Explain = error => error,
  wants: (graph: number) => Wants = () => 'files',
): Promise<Solution> {
  const graphs = definitions.map(unmarshal);
  const stop = new AbortController();
  const signal = AbortSignal.any([services.signal, stop.signal]);
  const steps = new Map<Digest, Step>();
  let failed: Digest | undefined;
  const context: StepContext = {
    services: { ...services, signal },
    records: new CacheRecords(services.store, services.since),
    limit: new Limit(services.jobs),
    nonce: randomUUID(),
    running: new Map(),
    step: digest => steps.get(digest) as Step,
    fail(error, digest) {
      if (!stop.signal.aborted) failed = digest;
      stop.abort(error);
    },
  };
  for (const vertex of await permit(join(graphs), services))
    steps.set(vertex.digest, stepOf(vertex, context));
  try {
    const layers = await Promise.all(graphs.map((graph, i) => resultOf(graph.target, steps, wants(i))));
    return {
      rootFses: layers.map(each => (isHere(each) ? each : [])),
      layers,
      bring: graph => {
        const { target } = graphs[graph]!;
        return target === undefined
          ? Promise.resolve([])
          : (steps.get(target.digest) as Step).rootFs(target.index);
      },
      steps: [...steps.values()].map(step => step.report()),
      results: [...steps.values()].flatMap(step => step.result ?? []),
      cacheMounts: await cacheMountsOf(
        [...steps.values()].map(step => step.vertex),
        context,
      ),
    };
  } catch (error) {
    stop.abort(error);
    await Promise.allSettled([...steps.values()].map(step => step.settled()));
    if (services.signal.aborted) throw cancelled(services.signal);
    const step = failed;
    throw explain(
      stop.signal.reason,
      graphs.flatMap(({ vertices }, i) => (step !== undefined && vertices.has(step) ? [i] : [])),
    );
  } finally {
    for (const step of steps.values()) step.finish();
  }
}

/** The vertexes of all graphs, each once and after its inputs; called as the first graph that has it calls it. */
function join(graphs: readonly Graph[]): Iterable<GraphVertex> {
  const joined = new Map<Digest, GraphVertex>();
  for (const { vertices } of graphs)
    for (const vertex of vertices.values()) {
      const known = joined.get(vertex.digest);
      if (known === undefined) joined.set(vertex.digest, vertex);
      else if (vertex.metadata.ignoreCache)
        joined.set(vertex.digest, { ...known, metadata: { ...known.metadata, ignoreCache: true } });
    }
  return joined.values();
}

/** Whether all layers are in the store. */
export function isHere(layers: ResultLayers): layers is RootFs {
  return layers.every(layer => typeof layer === 'string');
}

async function resultOf(
  target: Edge | undefined,
  steps: ReadonlyMap<Digest, Step>,
  wants: Wants,
): Promise<ResultLayers> {
  if (target === undefined) return [];
  const step = steps.get(target.digest) as Step;
  if (wants === 'layers') return step.layers(target.index);
  await step.ensure();
  return wants === 'files' ? step.rootFs(target.index) : [];
}

function cancelled(signal: AbortSignal): StagecraftError {
  return signal.reason instanceof StagecraftError
    ? signal.reason
    : new StagecraftError('cancelled', 'The build was cancelled.', { cause: signal.reason });
}
