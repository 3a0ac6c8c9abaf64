export { caps } from './caps.ts';
export { diff, merge } from './compose.ts';
export type { Definition, OpMetadata } from './definition.ts';
export { type DumpedOp, dumpDefinition } from './dump.ts';
export { decodeDefinition, encodeDefinition } from './encoding.ts';
export { type ExecMount, type ExecSpec, type Execution, exec } from './exec.ts';
export { type CopySpec, cleanPath, type FileChange, file, type OwnerSpec } from './file.ts';
export { type Edge, type Graph, type GraphVertex, unmarshal } from './graph.ts';
export { encodeOperation, essenceOf } from './identity.ts';
export { actionJson, goJson, type Json, operationJson } from './json.ts';
export { type MarshalOptions, marshal, treeIdentifier } from './marshal.ts';
export type * from './ops.ts';
export { git, http, image, local, ociLayout, source } from './sources.ts';
export {
  deferred,
  type Output,
  type ResolvedOutput,
  resolveOutput,
  type Tree,
  type Vertex,
  type VertexOptions,
} from './vertex.ts';
