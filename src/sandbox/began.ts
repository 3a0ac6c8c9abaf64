/** Tells a process that started again in a user namespace when it all began. */
export const beganVariable = 'STAGECRAFT_BEGAN';

/**
 * When the command began that this process carries out, in milliseconds since the epoch: where it started again in a
 * user namespace, when the first process did. Later than now elsewhere.
 */
export function commandBegan(env: NodeJS.ProcessEnv = process.env): number {
  const text = env[beganVariable];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
}
