import { readFileSync } from 'node:fs';
import type { Lent } from '../solver/types.ts';
import type { AskPassphrase } from '../ssh/private-key.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';
import type { SecretSource, SshSource } from './request.ts';

/** BuildKit's limit for one secret, in bytes. */
const largestSecret = 500 * 1024;

/** What a build may lend to its steps. */
export interface Lending {
  readonly secrets: readonly SecretSource[];
  readonly ssh: readonly SshSource[];
  readonly env: NodeJS.ProcessEnv;
  /** Asks for the passphrase of a key file. */
  readonly ask?: AskPassphrase | undefined;
}

/**
 * Lends a build what its request names. Secrets are read when a step needs them, and kept nowhere; an agent is opened
 * when the first step needs it, and its keys stay in memory to the end.
 */
export function lend({ secrets, ssh, env, ask = async () => undefined }: Lending): Lent {
  const agents = new Map<string, ReturnType<Lent['sshAgent']>>();
  return {
    async secret(id) {
      const source = secrets.find(secret => secret.id === id);
      if (source === undefined) return undefined;
      const value = 'file' in source ? readSecret(id, source.file) : fromVariable(id, source.env, env);
      if (value.length > largestSecret) {
        throw new StagecraftError('usage', `The secret '${id}' is larger than ${largestSecret / 1024} KiB.`);
      }
      return value;
    },
    sshAgent(id) {
      const source = ssh.find(agent => agent.id === id);
      let agent = agents.get(id);
      if (agent === undefined) {
        agent = source === undefined ? Promise.resolve(undefined) : openAgent(source, env, ask);
        agents.set(id, agent);
      }
      return agent;
    },
  };
}

async function openAgent(source: SshSource, env: NodeJS.ProcessEnv, ask: AskPassphrase) {
  const { openSshAgent } = await import('./ssh.ts');
  return openSshAgent(source, env, ask);
}

function readSecret(id: string, file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    const reason = isErrno(error, 'ENOENT')
      ? 'does not exist'
      : `cannot be read: ${(error as Error).message}`;
    throw new StagecraftError('not-found', `The file ${file} of the secret '${id}' ${reason}.`, {
      cause: error,
    });
  }
}

function fromVariable(id: string, name: string, env: NodeJS.ProcessEnv): Uint8Array {
  const value = env[name];
  if (value !== undefined) return Buffer.from(value);
  throw new StagecraftError('not-found', `The variable ${name} of the secret '${id}' is not set.`);
}
