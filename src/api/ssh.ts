import { readFileSync, type Stats, statSync } from 'node:fs';
import { createConnection } from 'node:net';
import { type ServeConnection, serveAgent, serveKeys, serveRaw } from '../ssh/agent.ts';
import { type Identity, identityOf } from '../ssh/identity.ts';
import { type AskPassphrase, readPrivateKey } from '../ssh/private-key.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';
import type { SshSource } from './request.ts';

/** Bytes of the largest key file that is read. */
const largestKey = 100 * 1024;

/**
 * Opens what `--ssh` names: the agent at a socket, or one of the build's own with the keys in files.
 * @throws StagecraftError `not-found` for what is not there, `usage` for what is neither
 */
export async function openSshAgent(
  { id, paths, raw = false }: SshSource,
  env: NodeJS.ProcessEnv,
  ask: AskPassphrase,
): Promise<ServeConnection> {
  const named = paths.length > 0 ? paths : [env.SSH_AUTH_SOCK ?? ''];
  if (named[0] === '')
    throw new StagecraftError('not-found', `The SSH agent '${id}' has no socket: SSH_AUTH_SOCK is not set.`, {
      hint: `Start an agent, eval $(ssh-agent) && ssh-add, or pass keys with --ssh ${id}=KEYFILE.`,
    });
  const found = named.map(path => ({ path, status: statusOf(id, path) }));
  const socket = found.find(({ status }) => status.isSocket());
  if (socket !== undefined) {
    if (found.length > 1)
      throw new StagecraftError(
        'usage',
        `The SSH agent '${id}' is to be a socket and something else besides.`,
        {
          hint: 'An agent is one socket, or any number of key files.',
        },
      );
    await knock(id, socket.path);
    return raw ? serveRaw(socket.path) : serveAgent(socket.path);
  }
  if (raw)
    throw new StagecraftError(
      'usage',
      `${named[0]} of the SSH agent '${id}' is no socket, as raw=true needs it.`,
    );
  const identities: Identity[] = [];
  // One after the other: each may ask for its passphrase.
  for (const { path, status } of found) identities.push(await readIdentity(path, status, ask));
  return serveKeys(identities);
}

async function readIdentity(path: string, status: Stats, ask: AskPassphrase): Promise<Identity> {
  if (!status.isFile() || status.size > largestKey)
    throw new StagecraftError('usage', `${path} is neither a private key nor the socket of an agent.`);
  const key = await readPrivateKey(readFileSync(path), path, ask);
  try {
    return identityOf(key);
  } catch (error) {
    throw new StagecraftError(
      'usage',
      `The private key ${path} is of no use here: ${(error as Error).message}.`,
      {
        cause: error,
      },
    );
  }
}

function statusOf(id: string, path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    const reason = isErrno(error, 'ENOENT')
      ? 'does not exist'
      : `cannot be looked at: ${(error as Error).message}`;
    throw new StagecraftError('not-found', `${path} of the SSH agent '${id}' ${reason}.`, {
      hint: 'Name the socket of an agent that runs, or a file with a private key.',
      cause: error,
    });
  }
}

/** A socket stays when its agent goes: better to tell now than to have a step fail that cannot know why. */
async function knock(id: string, path: string): Promise<void> {
  const connection = createConnection(path);
  try {
    await new Promise<void>((resolve, reject) => {
      connection.once('connect', resolve).once('error', reject);
    });
  } catch (error) {
    const reason = isErrno(error, 'EACCES')
      ? 'does not let this user in'
      : isErrno(error, 'ECONNREFUSED')
        ? 'has no agent behind it any more'
        : `cannot be reached: ${(error as Error).message}`;
    throw new StagecraftError('not-found', `The socket ${path} of the SSH agent '${id}' ${reason}.`, {
      hint: 'Start a new one: eval $(ssh-agent) && ssh-add',
      cause: error,
    });
  } finally {
    connection.destroy();
  }
}
