import { readFileSync, statSync } from 'node:fs';
import type { Lent } from '../solver/types.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';
import type { SecretSource, SshSource } from './request.ts';

/** BuildKit's limit for one secret, in bytes. */
const largestSecret = 500 * 1024;

/** Lends a build what its request names: secrets are read when a step needs them, and kept nowhere. */
export function lend(
  secrets: readonly SecretSource[],
  ssh: readonly SshSource[],
  env: NodeJS.ProcessEnv,
): Lent {
  return {
    async secret(id) {
      const source = secrets.find(secret => secret.id === id);
      if (source === undefined) return undefined;
      const value = 'file' in source ? await readSecret(id, source.file) : fromVariable(id, source.env, env);
      if (value.length > largestSecret) {
        throw new StagecraftError('usage', `The secret '${id}' is larger than ${largestSecret / 1024} KiB.`);
      }
      return value;
    },
    async sshSocket(id) {
      const source = ssh.find(agent => agent.id === id);
      if (source === undefined) return undefined;
      const socket = source.paths[0] ?? env.SSH_AUTH_SOCK;
      if (socket !== undefined && socket !== '') return checkSocket(id, socket);
      throw new StagecraftError(
        'not-found',
        `The SSH agent '${id}' has no socket: SSH_AUTH_SOCK is not set.`,
        {
          hint: 'Start an agent with: eval $(ssh-agent) && ssh-add',
        },
      );
    },
  };
}

/** A key file in the place of a socket would itself be mounted, where steps could read it. */
function checkSocket(id: string, path: string): string {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status?.isSocket()) return path;
  const reason = status === undefined ? 'does not exist' : 'is no socket of an agent';
  throw new StagecraftError('not-found', `${path} of the SSH agent '${id}' ${reason}.`, {
    hint: `Give keys to an agent, eval $(ssh-agent) && ssh-add KEYFILE, and pass it with --ssh ${id}.`,
  });
}

async function readSecret(id: string, file: string): Promise<Uint8Array> {
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
