import { type Digest, digestOf } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import type { Definition, OpMetadata } from './definition.ts';
import { decodeDefinition } from './encoding.ts';
import type { Op, Operation, OpPlatform } from './ops.ts';
import { platformFromMessage } from './platform.ts';
import { opTable } from './schema.ts';
import { decode } from './wire.ts';

/** An edge: result `index` of the vertex `digest`. */
export interface Edge {
  digest: Digest;
  index: number;
}

/** One operation of a graph that was read. */
export interface GraphVertex {
  readonly digest: Digest;
  readonly inputs: readonly Edge[];
  readonly op: Operation;
  readonly platform?: OpPlatform;
  readonly metadata: OpMetadata;
  /** As marshalled. */
  readonly bytes: Uint8Array;
}

export interface Graph {
  /** The result; nothing for the empty file system. */
  readonly target: Edge | undefined;
  /** Every vertex that the target needs, each after all of its inputs. */
  readonly vertices: ReadonlyMap<Digest, GraphVertex>;
  readonly sources: ReadonlyMap<string, string>;
}

/**
 * Reads a marshalled graph, ours or another BuildKit client's.
 * @throws StagecraftError `usage` when it is malformed or lacks a vertex that another one needs; `unsupported` when it
 *   uses an operation that this version of LLB does not have
 */
export function unmarshal(from: Definition | Uint8Array): Graph {
  const definition = from instanceof Uint8Array ? decodeDefinition(from) : from;
  const { sources } = definition;
  const last = definition.ops.at(-1);
  if (last === undefined) return { target: undefined, vertices: new Map(), sources };

  const head = readOp(last);
  const target = head.inputs[0];
  if (target === undefined || head.inputs.length > 1 || head.op !== undefined) {
    throw malformed('its last operation must name the one result');
  }
  const read = new Map<Digest, GraphVertex>();
  const texts = new Map<string, string>();
  for (const bytes of definition.ops.slice(0, -1)) {
    const digest = digestOf(bytes);
    read.set(digest, readVertex(digest, bytes, definition.metadata.get(digest) ?? {}, texts));
  }
  return { target: target as Edge, vertices: inputsFirst(target as Edge, read), sources };
}

function readOp(bytes: Uint8Array, texts?: Map<string, string>): Op {
  return decode(opTable, bytes, texts) as unknown as Op;
}

function readVertex(
  digest: Digest,
  bytes: Uint8Array,
  metadata: OpMetadata,
  texts: Map<string, string>,
): GraphVertex {
  const { inputs, op, platform } = readOp(bytes, texts);
  if (op === undefined) {
    throw new StagecraftError(
      'unsupported',
      `The build graph has an operation of a kind that is not known here (vertex ${digest}).`,
    );
  }
  return {
    digest,
    inputs: inputs as Edge[],
    op,
    ...(platform !== undefined && { platform: platformFromMessage(platform) }),
    metadata,
    bytes,
  };
}

/** Digests rule cycles out, but not a missing vertex, nor one that comes after its user. */
function inputsFirst(target: Edge, read: ReadonlyMap<Digest, GraphVertex>): Map<Digest, GraphVertex> {
  const ordered = new Map<Digest, GraphVertex>();
  const frameOf = (digest: Digest, user: string) => {
    const vertex = read.get(digest);
    if (vertex === undefined) throw malformed(`${user} needs the vertex ${digest}, which is not there`);
    return { vertex, next: 0 };
  };
  const stack = [frameOf(target.digest, 'the result')];
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    const input = frame.vertex.inputs[frame.next++];
    if (input !== undefined) {
      if (!ordered.has(input.digest)) stack.push(frameOf(input.digest, `vertex ${frame.vertex.digest}`));
      continue;
    }
    stack.pop();
    ordered.set(frame.vertex.digest, frame.vertex);
  }
  return ordered;
}

function malformed(what: string): StagecraftError {
  return new StagecraftError('usage', `The build graph is malformed: ${what}.`);
}
