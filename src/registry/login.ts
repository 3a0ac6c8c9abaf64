import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { StagecraftError } from '../util/errors.ts';
import { serverName } from './credentials.ts';
import { type DockerConfig, dockerConfigPath, readDockerConfig } from './docker-config.ts';

/** Where a credential was put. */
export type Keeper =
  | { readonly type: 'helper'; readonly name: string }
  | { readonly type: 'file'; readonly path: string };

/**
 * Keeps a password for a registry where Docker keeps it too: with the credential helper that the configuration names,
 * else in the configuration itself, which only its owner can read.
 * @throws StagecraftError `io` when the helper fails
 */
export function keepPassword(
  registry: string,
  username: string,
  password: string,
  env: NodeJS.ProcessEnv,
): Keeper {
  const path = dockerConfigPath(env);
  const config = readDockerConfig(path) ?? {};
  const server = serverName(registry);
  const helper = helperFor(config, registry);
  if (helper !== undefined) {
    callHelper(
      helper,
      'store',
      JSON.stringify({ ServerURL: server, Username: username, Secret: password }),
      env,
    );
    return { type: 'helper', name: helper };
  }
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  write(path, { ...config, auths: { ...config.auths, [server]: { auth } } });
  return { type: 'file', path };
}

/** Forgets what is kept for a registry; false where nothing was. @throws StagecraftError `io` */
export function forgetPassword(registry: string, env: NodeJS.ProcessEnv): boolean {
  const path = dockerConfigPath(env);
  const config = readDockerConfig(path) ?? {};
  const helper = helperFor(config, registry);
  if (helper !== undefined) {
    callHelper(helper, 'erase', serverName(registry), env);
    return true;
  }
  const { [serverName(registry)]: found, ...auths } = config.auths ?? {};
  if (found === undefined) return false;
  write(path, { ...config, auths });
  return true;
}

function helperFor({ credHelpers, credsStore }: DockerConfig, registry: string): string | undefined {
  return credHelpers?.[registry] ?? credHelpers?.[serverName(registry)] ?? (credsStore || undefined);
}

function callHelper(name: string, verb: 'store' | 'erase', input: string, env: NodeJS.ProcessEnv): void {
  const { status, stdout, error } = spawnSync(`docker-credential-${name}`, [verb], {
    input,
    env,
    encoding: 'utf8',
  });
  if (error === undefined && status === 0) return;
  const reason = error?.message ?? stdout.trim();
  throw new StagecraftError('io', `The credential helper docker-credential-${name} failed: ${reason}`, {
    cause: error,
  });
}

/** Other settings in the file stay as they are. */
function write(path: string, config: object): void {
  const draft = `${path}.${process.pid}`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(draft, `${JSON.stringify(config, null, '\t')}\n`, { mode: 0o600, flag: 'wx' });
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw new StagecraftError('io', `Cannot write ${path}: ${(error as Error).message}.`, { cause: error });
  }
}
