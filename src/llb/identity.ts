import type { GraphVertex } from './graph.ts';
import type { ExecOp, Mount } from './ops.ts';
import { platformToMessage } from './platform.ts';
import { opTable } from './schema.ts';
import { encode, type Message } from './wire.ts';

/**
 * What an operation does, apart from what it stands on: its encoding without inputs, and without what must not decide
 * what the result of a process is (see {@link essenceOf}).
 */
export function encodeOperation(vertex: GraphVertex): Uint8Array {
  const { op, platform } = vertex;
  return encode(opTable, {
    inputs: [],
    op: op.kind === 'exec' ? essenceOf(op) : op,
    ...(platform !== undefined && { platform: platformToMessage(platform) }),
    constraints: { filter: [] },
  } as unknown as Message);
}

/** A process without proxy variables, addresses of extra hosts, and names of cache mounts; as BuildKit keys it. */
export function essenceOf(op: ExecOp): ExecOp {
  const { proxyEnv: _, ...meta } = op.meta;
  const extraHosts = meta.extraHosts.map(({ host }) => ({ host, ip: '' }));
  return { ...op, meta: { ...meta, extraHosts }, mounts: op.mounts.map(withoutName) };
}

/** A cache that has the name it gets by itself keeps it: that is its target, perhaps behind a namespace. */
function withoutName(mount: Mount): Mount {
  const { cache, dest } = mount;
  if (cache === undefined) return mount;
  const hasOwnName = cache.id === dest || cache.id.slice(cache.id.indexOf('/') + 1) === dest;
  return cache.sharing === 'shared' && hasOwnName
    ? mount
    : { ...mount, cache: { id: '', sharing: 'shared' } };
}
