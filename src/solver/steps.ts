import type { GraphVertex } from '../llb/index.ts';
import { CompositionStep } from './composition-step.ts';
import { isComposition } from './outputs.ts';
import { SourceStep } from './source-step.ts';
import type { Step } from './step.ts';
import type { StepContext } from './types.ts';
import { WorkStep } from './work-step.ts';

/** The step of a vertex, by the kind of its operation. */
export function stepOf(vertex: GraphVertex, context: StepContext): Step {
  if (vertex.op.kind === 'source') return new SourceStep(vertex, vertex.op, context);
  return isComposition(vertex) ? new CompositionStep(vertex, context) : new WorkStep(vertex, context);
}
