import { type GraphVertex, goJson, operationJson } from '../../llb/index.ts';
import { digestOf } from '../../util/digest.ts';
import type { Description } from './description.ts';
import { describeExec } from './exec.ts';
import { describeFile } from './file.ts';

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
