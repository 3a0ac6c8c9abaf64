import { posix } from 'node:path';
import type { Descriptor } from '../image/types.ts';
import {
  type Definition,
  dumpDefinition,
  type Edge,
  type Graph,
  type GraphVertex,
  type Json,
  unmarshal,
} from '../llb/index.ts';
import { maskCredentials } from '../util/credentials.ts';
import type { Digest } from '../util/digest.ts';
import { lastLine } from '../util/excerpt.ts';

/** The graph as provenance has it: each step with its operation, and the steps whose results it takes. */
export interface BuildConfig {
  readonly llbDefinition: readonly { id: string; op: Json; inputs?: readonly string[] }[];
  /** Steps by the digests of their operations. */
  readonly digestMapping: Readonly<Record<string, string>>;
}

/** Which lines made which step: BuildKit's provenance metadata. */
export interface SourceMap {
  readonly locations: Readonly<Record<string, object>>;
  readonly infos: readonly { filename: string; language: string; data: string }[];
}

/** A graph with names for its steps. */
export interface NamedSteps {
  readonly config: BuildConfig;
  readonly source: SourceMap | undefined;
  /** Which layers stand for the results of the steps that the image is a stack of. */
  layersOf(layers: readonly Descriptor[]): Record<string, readonly (readonly Descriptor[])[]>;
}

/** What is a matter of this one run, and of no build. */
const passing = new Set(['local.session', 'local.unique']);

/** Names the steps of a graph `step0`, `step1`, inputs first. */
export function nameSteps(definition: Definition): NamedSteps | undefined {
  const graph = unmarshal(definition);
  if (graph.target === undefined) return undefined;
  const names = new Map([...graph.vertices.keys()].map((digest, i) => [digest, `step${i}`]));
  const dumped = new Map(dumpDefinition(definition).map(each => [each.Digest, each.Op]));
  const edgeName = ({ digest, index }: Edge): string => `${names.get(digest)}:${index}`;
  const steps = [...graph.vertices.values()].map(({ digest, inputs }) => ({
    id: names.get(digest)!,
    op: toldOp(dumped.get(digest)!),
    ...(inputs.length > 0 && { inputs: inputs.map(edgeName) }),
  }));
  // The last operation of a graph only names the result.
  const last = dumpDefinition(definition).at(-1)!;
  const lastName = `step${steps.length}`;
  return {
    config: {
      llbDefinition: [...steps, { id: lastName, op: { Op: {} }, inputs: [edgeName(graph.target)] }],
      digestMapping: Object.fromEntries([...names, [last.Digest, lastName]]),
    },
    source: sourceMap(graph, names),
    layersOf: layers => layersOf(graph, layers, edgeName),
  };
}

/** An operation as it is told: without its inputs, what passes, and what addresses would give away. */
function toldOp(op: Json): Json {
  const { inputs: _, ...rest } = op as { [key: string]: Json };
  const source = (rest.Op as { source?: { identifier: string; attrs?: Record<string, string> } }).source;
  if (source === undefined) return rest;
  const attrs = Object.entries(source.attrs ?? {})
    .filter(([key]) => !passing.has(key))
    .map(([key, value]) => [key, maskCredentials(value)]);
  const told: Json = {
    identifier: maskCredentials(source.identifier),
    ...(attrs.length > 0 && { attrs: Object.fromEntries(attrs) }),
  };
  return { ...rest, Op: { source: told } };
}

function sourceMap(graph: Graph, names: ReadonlyMap<Digest, string>): SourceMap | undefined {
  const files = [...graph.sources];
  if (files.length === 0) return undefined;
  const locations: Record<string, object> = {};
  for (const { digest, metadata } of graph.vertices.values()) {
    const { range } = metadata;
    if (range === undefined) continue;
    const index = files.findIndex(([name]) => name === range.file);
    if (index < 0) continue;
    const lines = { start: { line: range.start.line }, end: { line: lastLine(range) } };
    locations[names.get(digest)!] = {
      locations: [{ ...(index > 0 && { sourceIndex: index }), ranges: [lines] }],
    };
  }
  // Where on this machine the file lies is nobody's business.
  const infos = files.map(([name, text]) => ({
    filename: posix.basename(name),
    language: 'Dockerfile',
    data: Buffer.from(text).toString('base64'),
  }));
  return { locations, infos };
}

/**
 * Goes down from the result: a process or a file operation has put one layer on what it stands on. Below an image, and
 * below a merge, whose layers are those of many, nothing is told.
 */
function layersOf(
  { target, vertices }: Graph,
  layers: readonly Descriptor[],
  edgeName: (edge: Edge) => string,
): Record<string, readonly (readonly Descriptor[])[]> {
  const found: Record<string, readonly (readonly Descriptor[])[]> = {};
  let edge = target;
  for (let count = layers.length; edge !== undefined && count > 0; count--) {
    const chain = layers.slice(0, count).map(({ mediaType, digest, size }) => ({ mediaType, digest, size }));
    found[edgeName(edge)] = [chain];
    edge = baseOf(vertices.get(edge.digest)!);
  }
  return found;
}

function baseOf({ op, inputs }: GraphVertex): Edge | undefined {
  if (op.kind === 'exec') return inputs[op.mounts.find(({ dest }) => dest === '/')?.input ?? -1];
  // An action may stand on another one of the same operation; the first has the input.
  if (op.kind === 'file') return inputs[op.actions[0]?.input ?? -1];
  return undefined;
}
