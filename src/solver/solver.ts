import { randomUUID } from 'node:crypto';
import { CacheRecords } from '../cache/records.ts';
import type { Definition } from '../llb/definition.ts';
import { type Edge, type Graph, unmarshal } from '../llb/index.ts';
import type { RootFs } from '../snapshot/types.ts';
import type { Digest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { Limit } from './limit.ts';
import { Step, type StepContext } from './step.ts';
import type { SolverServices, StepReport } from './types.ts';

export interface Solution {
  /** The root file system that the graph's result names. */
  rootFs: RootFs;
  steps: StepReport[];
}

/**
 * Solves a build graph: each operation that the result needs is answered from the cache, or runs, as soon as what it
 * stands on is there. The first failure stops the others.
 * @throws StagecraftError `build` when a process fails; `cancelled`; and what sources and file operations throw
 */
export async function solve(definition: Definition, services: SolverServices): Promise<Solution> {
  const graph = unmarshal(definition);
  const stop = new AbortController();
  const signal = AbortSignal.any([services.signal, stop.signal]);
  const steps = new Map<Digest, Step>();
  const context: StepContext = {
    services: { ...services, signal },
    records: new CacheRecords(services.store, services.since),
    limit: new Limit(services.jobs),
    nonce: randomUUID(),
    running: new Map(),
    step: digest => steps.get(digest) as Step,
    fail: error => stop.abort(error),
  };
  for (const vertex of graph.vertices.values()) steps.set(vertex.digest, new Step(vertex, context));
  try {
    const rootFs = await resultOf(graph.target, steps);
    return { rootFs, steps: reports(graph, steps) };
  } catch (error) {
    stop.abort(error);
    await Promise.allSettled([...steps.values()].map(step => step.settled()));
    if (services.signal.aborted) throw cancelled(services.signal);
    throw stop.signal.reason;
  } finally {
    for (const step of steps.values()) step.finish();
  }
}

async function resultOf(target: Edge | undefined, steps: ReadonlyMap<Digest, Step>): Promise<RootFs> {
  if (target === undefined) return [];
  const step = steps.get(target.digest) as Step;
  await step.evaluate();
  return step.rootFs(target.index);
}

function reports(graph: Graph, steps: ReadonlyMap<Digest, Step>): StepReport[] {
  return [...graph.vertices.keys()].map(digest => (steps.get(digest) as Step).report());
}

function cancelled(signal: AbortSignal): StagecraftError {
  return signal.reason instanceof StagecraftError
    ? signal.reason
    : new StagecraftError('cancelled', 'The build was cancelled.', { cause: signal.reason });
}
