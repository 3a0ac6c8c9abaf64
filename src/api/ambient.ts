import type { SolverServices } from '../solver/types.ts';
import type { BuildRequest } from './request.ts';

/** What every process of the build gets beyond what the Dockerfile says, and no layer, config or key knows. */
export async function ambientOf(
  request: Pick<BuildRequest, 'trustHostCa'>,
): Promise<SolverServices['ambient']> {
  if (!request.trustHostCa) return { mounts: [], env: [] };
  const { hostTrust } = await import('../sandbox/ca-trust.ts');
  return hostTrust(process.env);
}
