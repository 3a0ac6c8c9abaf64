import { type GraphVertex, goJson, operationJson } from '../../llb/index.ts';
import { type Digest, digestOf } from '../../util/digest.ts';
import { describeExec } from './exec.ts';
import { describeFile } from './file.ts';

/** What BuildKit's solver asks of an operation to find its results (`CacheMap`). */
export interface Description {
  /** Covers what the operation does, and nothing of what it stands on. */
  readonly digest: Digest;
  /** For each input of the vertex, in its order. */
  readonly inputs: readonly InputUse[];
}

/** How an operation uses an input. */
export interface InputUse {
  /** Which part of the input it names; empty where it is the whole. */
  readonly selector: Digest | '';
  /** The files that it reads, where it can be known by these: see `content.ts`. No selectors: all files. */
  readonly content?: readonly Selector[];
}

/** Files of a tree. */
export interface Selector {
  readonly path: string;
  /** A symlink at the end of the path is followed. */
  readonly followLinks?: boolean;
  /** The path is a pattern in the manner of Go's `path.Match`. */
  readonly wildcard?: boolean;
  readonly includePatterns?: readonly string[];
  readonly excludePatterns?: readonly string[];
}

/** The description of an operation that is no source; nothing for a kind that BuildKit's solver does not keep. */
export function describe(vertex: GraphVertex): Description | undefined {
  const { op, inputs, platform } = vertex;
  switch (op.kind) {
    case 'exec':
      return describeExec(op, inputs.length, platform);
    case 'file':
      return describeFile(op, inputs.length);
    case 'merge':
      return plain({ Type: 'buildkit.merge.v0', Merge: operationJson(op) }, inputs.length);
    case 'diff':
      return plain({ Type: 'buildkit.diff.v0', Diff: operationJson(op) }, inputs.length);
    case 'passthrough':
      return plain({ Type: 'buildkit.passthrough.v0', Passthrough: operationJson(op) }, inputs.length);
    default:
      return undefined;
  }
}

/** An operation that takes its inputs as they are. */
function plain(json: Parameters<typeof goJson>[0], inputCount: number): Description {
  return {
    digest: digestOf(goJson(json)),
    inputs: Array.from({ length: inputCount }, () => ({ selector: '' })),
  };
}
