import { type Digest, digestOf } from '../util/digest.ts';
import { caps } from './caps.ts';
import type { Definition, OpMetadata } from './definition.ts';
import type { Input, Op } from './ops.ts';
import { platformToMessage } from './platform.ts';
import { opTable } from './schema.ts';
import { type InputTable, type Output, resolveOutput, type Tree, type Vertex } from './vertex.ts';
import { encode, type Message } from './wire.ts';

export interface MarshalOptions {
  /** Texts of the files that ranges in the metadata name. */
  sources?: ReadonlyMap<string, string>;
}

/**
 * The definition whose result is this tree. Equal graphs give equal bytes; operations that are equal are there once,
 * and what is known of them is joined. The empty tree gives an empty definition.
 */
export function marshal(target: Tree, options: MarshalOptions = {}): Definition {
  const definition: Definition = { ops: [], metadata: new Map(), sources: new Map(options.sources) };
  if (target === undefined) return definition;

  const head = resolveOutput(target);
  const digests = new Map<Vertex, Digest>();
  const known = new Set<Digest>();
  for (const vertex of inputsFirst(head.vertex)) {
    const bytes = encodeVertex(vertex, digests);
    const digest = digestOf(bytes);
    digests.set(vertex, digest);
    definition.metadata.set(digest, joinMetadata(definition.metadata.get(digest), vertex.metadata));
    if (known.has(digest)) continue;
    known.add(digest);
    definition.ops.push(bytes);
  }
  const last = encodeOp({ inputs: [inputOf(head, digests)] });
  definition.ops.push(last);
  definition.metadata.set(digestOf(last), { caps: headCaps(definition.metadata.values()) });
  return definition;
}

/**
 * Tells trees apart without making a definition of each: equal graphs get equal texts. Graphs that share parts, as
 * those of stages do, cost as much as all parts together.
 */
export function treeIdentifier(): (tree: Tree) => string {
  const digests = new Map<Vertex, Digest>();
  return tree => {
    if (tree === undefined) return '';
    const { vertex: top, index } = resolveOutput(tree);
    for (const vertex of inputsFirst(top, digests))
      digests.set(vertex, digestOf(encodeVertex(vertex, digests)));
    return `${digests.get(top)} ${index}`;
  };
}

/**
 * Every vertex below this one that is not known, each after all that it reads. A stack of our own, since graphs may be
 * deep.
 */
function* inputsFirst(top: Vertex, known: ReadonlyMap<Vertex, unknown> = new Map()): Generator<Vertex> {
  if (known.has(top)) return;
  const done = new Set<Vertex>();
  const stack = [{ vertex: top, next: 0 }];
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    const input = frame.vertex.inputs[frame.next++];
    if (input !== undefined) {
      const { vertex } = resolveOutput(input);
      if (!done.has(vertex) && !known.has(vertex)) stack.push({ vertex, next: 0 });
      continue;
    }
    stack.pop();
    if (done.has(frame.vertex)) continue;
    done.add(frame.vertex);
    yield frame.vertex;
  }
}

function encodeVertex(vertex: Vertex, digests: ReadonlyMap<Vertex, Digest>): Uint8Array {
  const inputs: Input[] = [];
  const table: InputTable = {
    index(tree) {
      if (tree === undefined) return -1;
      const wanted = inputOf(tree, digests);
      const index = inputs.findIndex(i => i.digest === wanted.digest && i.index === wanted.index);
      return index >= 0 ? index : inputs.push(wanted) - 1;
    },
    add: tree => (tree === undefined ? -1 : inputs.push(inputOf(tree, digests)) - 1),
    get size() {
      return inputs.length;
    },
  };
  const op = vertex.build(table);
  return encodeOp({
    inputs,
    op,
    ...(vertex.platform !== undefined && { platform: platformToMessage(vertex.platform) }),
    constraints: { filter: [] },
  });
}

function encodeOp(op: Op): Uint8Array {
  return encode(opTable, op as unknown as Message);
}

function inputOf(output: Output, digests: ReadonlyMap<Vertex, Digest>): Input {
  const { vertex, index } = resolveOutput(output);
  return { digest: digests.get(vertex) as Digest, index };
}

function joinMetadata(first: OpMetadata | undefined, second: OpMetadata): OpMetadata {
  if (first === undefined) return second;
  return {
    ...first,
    ...second,
    ...((first.ignoreCache || second.ignoreCache) && { ignoreCache: true }),
    ...((first.description || second.description) && {
      description: { ...first.description, ...second.description },
    }),
    caps: [...new Set([...(first.caps ?? []), ...(second.caps ?? [])])].sort(),
  };
}

/** The last op says what the definition as a whole uses. */
function headCaps(all: Iterable<OpMetadata>): string[] {
  const used = new Set<string>([caps.constraints, caps.platform]);
  for (const metadata of all) {
    if (metadata.ignoreCache) used.add(caps.metaIgnoreCache);
    if (metadata.name !== undefined || metadata.description !== undefined) used.add(caps.metaDescription);
    if (metadata.exportCache !== undefined) used.add(caps.metaExportCache);
  }
  return [...used].sort();
}
