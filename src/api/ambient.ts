import { hasSingleId, singleIdHelp, singleIdNotice } from '../sandbox/single-id.ts';
import type { SolverServices } from '../solver/types.ts';
import type { BuildRequest } from './request.ts';

/** What every process of the build gets beyond what the Dockerfile says, and no layer, config or key knows. */
export async function ambientOf(
  request: Pick<BuildRequest, 'trustHostCa'>,
): Promise<SolverServices['ambient']> {
  const parts = [];
  const alone = hasSingleId();
  if (alone) parts.push(singleIdHelp());
  if (request.trustHostCa) {
    const { hostTrust } = await import('../sandbox/ca-trust.ts');
    parts.push(hostTrust(process.env));
  }
  return {
    mounts: parts.flatMap(({ mounts }) => mounts),
    env: parts.flatMap(({ env }) => env),
    ...(alone && { notice: singleIdNotice }),
  };
}
