import type { GraphVertex } from '../llb/index.ts';
import type { RootFs } from '../snapshot/types.ts';
import { StagecraftError } from '../util/errors.ts';

/** Merges, differences and pass-throughs put layers together and write nothing. */
export function compose(vertex: GraphVertex, inputs: readonly RootFs[]): readonly RootFs[] {
  const { op } = vertex;
  const input = (which: { input: number } | undefined): RootFs =>
    which === undefined || which.input < 0 ? [] : (inputs[which.input] as RootFs);
  if (op.kind === 'merge') return [composeMerge(op, inputs)];
  if (op.kind === 'diff') return [difference(input(op.lower), input(op.upper))];
  return inputs;
}

/** One input's layers on top of the other's. */
export function composeMerge<Layer>(
  op: GraphVertex['op'] & { kind: 'merge' },
  inputs: readonly (readonly Layer[])[],
): readonly Layer[] {
  return op.inputs.flatMap(({ input }) => (input < 0 ? [] : inputs[input]!));
}

/** The layers that `upper` has on top of `lower`. */
function difference(lower: RootFs, upper: RootFs): RootFs {
  if (lower.every((layer, i) => upper[i] === layer)) return upper.slice(lower.length);
  throw new StagecraftError(
    'unsupported',
    'The difference of two trees is solved only where one stands on the other.',
  );
}
