import type { GraphVertex } from '../llb/index.ts';
import type { RootFs } from '../snapshot/types.ts';
import type { Output } from './types.ts';

/** What puts layers of its inputs together, and needs no work. */
export function isComposition({ op }: GraphVertex): boolean {
  return op.kind === 'merge' || op.kind === 'diff' || op.kind === 'passthrough';
}

/** The numbers of the outputs that an operation has; a source has one. */
export function outputsOf({ op, inputs }: GraphVertex): number[] {
  if (op.kind === 'passthrough') return inputs.map((_, i) => i);
  if (op.kind !== 'exec' && op.kind !== 'file') return [0];
  const outputs = (op.kind === 'exec' ? op.mounts : op.actions).map(({ output }) => output);
  return [...new Set(outputs)].filter(output => output >= 0).sort((a, b) => a - b);
}

export function rootFsOutputs(rootFses: readonly (RootFs | null)[]): Output[] {
  return rootFses.map(rootFs => ({ rootFs: rootFs ?? [] }));
}
