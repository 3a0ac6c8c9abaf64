import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ingestPath } from '../content/ingest.ts';
import { hostBundles, joinBundles } from '../transport/authorities.ts';
import { StagecraftError } from '../util/errors.ts';
import { type AgentSocket, openAgentSocket } from './git-agent.ts';
import type { GitAccess } from './git-command.ts';
import { base64, type Remote } from './git-remote.ts';
import type { GitSource } from './git-types.ts';
import { placeIn, type RemoteServices } from './remote.ts';

/**
 * Runs the body with what git needs to reach a remote: what the build was lent, the proxies of the environment, and the
 * authorities that this machine trusts. Files made for it go afterwards.
 */
export async function withAccess<T>(
  services: RemoteServices,
  source: GitSource,
  remote: Remote,
  body: (access: GitAccess) => Promise<T>,
): Promise<T> {
  const files: string[] = [];
  let agent: AgentSocket | undefined;
  const write = (content: string | Buffer): string => {
    const path = ingestPath(services.store.root, 'git');
    files.push(path);
    writeFileSync(path, content, { mode: 0o600, flag: 'wx' });
    return path;
  };
  try {
    const env: Record<string, string> = { GIT_SSH_COMMAND: sshCommand(services, source, write) };
    for (const [name, value] of Object.entries(services.env))
      if (/^(http|https|no|all)_proxy$/i.test(name) && value) env[name] = value;
    const bundle = trustedBundle(services.env, write);
    if (bundle !== undefined) env.GIT_SSL_CAINFO = bundle;
    if (remote.kind === 'ssh' && source.mountSshSock !== undefined) {
      agent = await openAgent(services, source.mountSshSock, remote);
      env.SSH_AUTH_SOCK = agent.path;
    }
    const header = await authorization(services, source, remote);
    const config: GitAccess['config'] =
      header === undefined ? [] : [[`http.${scopeOf(remote)}.extraHeader`, `Authorization: ${header}`]];
    return await body({ env, config });
  } finally {
    agent?.close();
    for (const file of files) rmSync(file, { force: true });
  }
}

/** Where a token is sent: to the repository; at GitHub, as its own Action does, to all of its repositories. */
function scopeOf({ address }: Remote): string {
  return /^https:\/\/(www\.)?github\.com\//.exec(address)?.[0] ?? address;
}

/** The secrets named in the source, those for the host first; else what the address had. */
async function authorization(
  { lent }: RemoteServices,
  { authHeaderSecret, authTokenSecret }: GitSource,
  { host, basic, kind }: Remote,
): Promise<string | undefined> {
  if (kind !== 'http') return undefined;
  for (const suffix of [`.${host}`, '']) {
    const header = authHeaderSecret && (await lent.secret(authHeaderSecret + suffix));
    if (header) return Buffer.from(header).toString('utf8').trim();
    const token = authTokenSecret && (await lent.secret(authTokenSecret + suffix));
    if (token) return `basic ${base64(`x-access-token:${Buffer.from(token).toString('utf8').trim()}`)}`;
  }
  return basic && `basic ${basic}`;
}

async function openAgent({ lent }: RemoteServices, id: string, { address }: Remote): Promise<AgentSocket> {
  const serve = await lent.sshAgent(id);
  if (serve !== undefined) return openAgentSocket(serve);
  throw new StagecraftError(
    'not-found',
    `Reading ${address} needs the SSH agent '${id}', which the build was not given.`,
    {
      hint: id === 'default' ? 'Pass it with --ssh default.' : `Pass it with --ssh ${id}=SOCKET or KEYFILE.`,
    },
  );
}

/**
 * Nobody is asked, nothing of the user's settings counts, and no keys but the agent's. Where the source names the keys
 * of its host no other is taken; else one that is seen first is kept in the store and may not change from then on.
 */
function sshCommand(
  { store, env }: RemoteServices,
  { knownSshHosts }: GitSource,
  write: (content: string) => string,
): string {
  const known =
    knownSshHosts === undefined
      ? [placeIn(store, 'repositories', 'known_hosts'), join(env.HOME ?? '', '.ssh/known_hosts')]
      : [write(knownSshHosts)];
  const options = [
    'BatchMode=yes',
    'IdentityFile=none',
    `UserKnownHostsFile=${known.map(path => `"${path.replaceAll('%', '%%')}"`).join(' ')}`,
    `StrictHostKeyChecking=${knownSshHosts === undefined ? 'accept-new' : 'yes'}`,
    'ConnectTimeout=30',
    'ServerAliveInterval=15',
  ];
  return `ssh -F /dev/null ${options.map(option => `-o ${quote(option)}`).join(' ')}`;
}

/** A word of a shell command that stands for exactly this text. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** One file with the authorities to trust; nothing where git's own will do. */
function trustedBundle(env: NodeJS.ProcessEnv, write: (content: Buffer) => string): string | undefined {
  const named = env.GIT_SSL_CAINFO;
  if (named !== undefined && existsSync(named)) return named;
  const bundles = hostBundles(env);
  return bundles.length > 1 ? write(joinBundles(bundles)) : bundles[0];
}
