import type { ImageConfig } from '../image/types.ts';
import { type Graph, type GraphVertex, unmarshal } from '../llb/index.ts';
import { digestOf } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { planDockerfile } from './plan.ts';
import type { FrontendRequest, FrontendResult, ResolveImage } from './types.ts';

// For the tests of this room: images in memory, and graphs in a form that is easy to compare.

/** Images by their normalised names. */
export type Images = Record<string, Partial<ImageConfig>>;

export const debian: Images = {
  'docker.io/library/debian:bookworm': {
    config: { Env: ['PATH=/usr/bin:/bin', 'LANG=C.UTF-8'], Cmd: ['bash'] },
    rootfs: { type: 'layers', diff_ids: [digestOf('debian layer')] },
    history: [
      { created: '2024-01-01T00:00:00Z', created_by: 'debian rootfs' },
      { created_by: 'CMD ["bash"]', empty_layer: true },
    ],
  },
};

export interface Asked {
  ref: string;
  platform: string;
}

/** A resolver over these images that notes what it was asked. */
export function resolverOf(images: Images, asked: Asked[] = []): ResolveImage {
  return async (ref, platform) => {
    asked.push({ ref, platform: `${platform.os}/${platform.architecture}` });
    const found = images[ref];
    if (found === undefined) throw new StagecraftError('not-found', `There is no image ${ref}.`);
    const config: ImageConfig = {
      os: platform.os,
      architecture: platform.architecture,
      rootfs: { type: 'layers', diff_ids: [digestOf(ref)] },
      history: [{ created_by: 'base' }],
      ...found,
    };
    return { name: ref, digest: digestOf(`manifest of ${ref}`), config };
  };
}

export const amd64 = { os: 'linux', architecture: 'amd64' };

export function requestOf(text: string | Uint8Array, change: Partial<FrontendRequest> = {}): FrontendRequest {
  return {
    dockerfile: { text: typeof text === 'string' ? Buffer.from(text) : text, name: 'Dockerfile' },
    buildArgs: new Map(),
    labels: new Map(),
    targetPlatform: amd64,
    buildPlatform: amd64,
    noCache: false,
    namedContexts: new Map(),
    ignorePatterns: [],
    networkMode: 'default',
    extraHosts: [],
    resolveImage: resolverOf(debian),
    ...change,
  };
}

export interface Planned extends FrontendResult {
  graph: Graph;
  /** All vertices, inputs first. */
  vertices: GraphVertex[];
  /** Names in progress of all vertices, inputs first. */
  names: string[];
  /** The vertex whose name ends so. @throws if there is none, or more than one */
  step(end: string): GraphVertex;
  /** `created_by` of history entries, with `*` before those that have a layer. */
  history: string[];
}

export async function plan(
  text: string | Uint8Array,
  change: Partial<FrontendRequest> = {},
): Promise<Planned> {
  const result = await planDockerfile(requestOf(text, change));
  const graph = unmarshal(result.definition);
  const vertices = [...graph.vertices.values()];
  const nameOf = (vertex: GraphVertex) => vertex.metadata.name ?? '';
  return {
    ...result,
    graph,
    vertices,
    names: vertices.map(nameOf),
    step(end) {
      const [found, ...more] = vertices.filter(vertex => nameOf(vertex).endsWith(end));
      if (found === undefined || more.length > 0) {
        throw new Error(
          `${more.length + (found ? 1 : 0)} steps end in "${end}": ${vertices.map(nameOf).join('; ')}`,
        );
      }
      return found;
    },
    history: (result.config.history ?? []).map(h => `${h.empty_layer ? ' ' : '*'} ${h.created_by ?? ''}`),
  };
}

/** Pulls a part of a certain kind out of a vertex. */
export function opOf<K extends GraphVertex['op']['kind']>(
  vertex: GraphVertex,
  kind: K,
): Extract<GraphVertex['op'], { kind: K }> {
  if (vertex.op.kind !== kind)
    throw new Error(`${vertex.metadata.name} is a ${vertex.op.kind}, not a ${kind}`);
  return vertex.op as Extract<GraphVertex['op'], { kind: K }>;
}

/** The names of what a vertex reads directly. */
export function inputNames(planned: Planned, vertex: GraphVertex): string[] {
  return vertex.inputs.map(input => planned.graph.vertices.get(input.digest)?.metadata.name ?? '');
}
