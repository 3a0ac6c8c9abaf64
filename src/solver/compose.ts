import type { GraphVertex } from '../llb/index.ts';
import type { RootFs } from '../snapshot/types.ts';
import { StagecraftError } from '../util/errors.ts';
import type { Output } from './types.ts';

/** Merges, differences and pass-throughs put layers together and write nothing. */
export function compose(vertex: GraphVertex, inputs: readonly RootFs[]): Output[] {
  const { op } = vertex;
  const input = (which: { input: number } | undefined): RootFs =>
    which === undefined || which.input < 0 ? [] : (inputs[which.input] as RootFs);
  if (op.kind === 'merge') return [{ rootFs: op.inputs.flatMap(each => [...input(each)]) }];
  if (op.kind === 'diff') return [{ rootFs: difference(input(op.lower), input(op.upper)) }];
  return inputs.map(rootFs => ({ rootFs }));
}

/** The layers that `upper` has on top of `lower`. */
function difference(lower: RootFs, upper: RootFs): RootFs {
  if (lower.every((layer, i) => upper[i] === layer)) return upper.slice(lower.length);
  throw new StagecraftError(
    'unsupported',
    'The difference of two trees is solved only where one stands on the other.',
  );
}
