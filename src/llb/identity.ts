import type { GraphVertex } from './graph.ts';
import { platformToMessage } from './platform.ts';
import { opTable } from './schema.ts';
import { encode, type Message } from './wire.ts';

/**
 * What an operation does, apart from what it stands on: its encoding without inputs, and without the proxy variables
 * of its process, which must not decide what its result is.
 */
export function encodeOperation(vertex: GraphVertex): Uint8Array {
  const { op, platform } = vertex;
  return encode(opTable, {
    inputs: [],
    op: op.kind === 'exec' ? { ...op, meta: { ...op.meta, proxyEnv: undefined } } : op,
    ...(platform !== undefined && { platform: platformToMessage(platform) }),
    constraints: { filter: [] },
  } as unknown as Message);
}
