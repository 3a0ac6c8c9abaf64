import { caps } from './caps.ts';
import { metadataOf, type Output, outputsOf, type Tree, type VertexOptions } from './vertex.ts';

/** The trees stacked, first at the bottom. Empty ones count for nothing; a single one is itself. */
export function merge(trees: readonly Tree[], options: VertexOptions = {}): Tree {
  const inputs = outputsOf(...trees);
  if (inputs.length < 2) return inputs[0];
  const { platform: _, ...anyPlatform } = options;
  return {
    index: 0,
    vertex: {
      inputs,
      build: table => ({ kind: 'merge', inputs: inputs.map(tree => ({ input: table.add(tree) })) }),
      metadata: metadataOf(anyPlatform, [caps.mergeOp]),
    },
  };
}

/** What must be stacked on `lower` to get `upper`; `upper` itself if there is nothing below. */
export function diff(lower: Tree, upper: Tree, options: VertexOptions = {}): Tree {
  if (lower === undefined) return upper;
  const { platform: _, ...anyPlatform } = options;
  const base: Output = lower;
  return {
    index: 0,
    vertex: {
      inputs: outputsOf(base, upper),
      build: table => ({
        kind: 'diff',
        lower: { input: table.add(base) },
        upper: { input: table.add(upper) },
      }),
      metadata: metadataOf(anyPlatform, [caps.diffOp]),
    },
  };
}
