import type { GraphVertex } from '../llb/index.ts';
import { StagecraftError } from '../util/errors.ts';
import { ExecWork } from './exec.ts';
import { FileWork } from './file.ts';
import type { StepContext, Work } from './types.ts';

/** How an operation is carried out. @throws StagecraftError `unsupported` */
export function workOf(vertex: GraphVertex, context: StepContext): Work {
  const { op } = vertex;
  if (op.kind === 'exec') return new ExecWork(vertex, op, context);
  if (op.kind === 'file') return new FileWork(vertex, op, context);
  throw new StagecraftError(
    'unsupported',
    `The build graph has a '${op.kind}' operation, which is not solved here.`,
  );
}
