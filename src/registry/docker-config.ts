import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { isErrno, StagecraftError } from '../util/errors.ts';

/** What Docker's `config.json` says, as far as it matters here. */
export interface DockerConfig {
  readonly auths?: Readonly<Record<string, AuthEntry>>;
  /** The helper for a registry: `docker-credential-<name>`. */
  readonly credHelpers?: Readonly<Record<string, string>>;
  /** The helper for all others. */
  readonly credsStore?: string;
  /** Proxies of builds and containers. */
  readonly proxies?: { readonly default?: Readonly<Record<string, unknown>> };
}

/** One registry of `auths`. */
export interface AuthEntry {
  /** `user:password` in Base64. */
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  /** An OAuth2 refresh token. */
  readonly identitytoken?: string;
  /** A bearer token to use as it is. */
  readonly registrytoken?: string;
}

/** Where the configuration lies: `DOCKER_CONFIG`, else `.docker` of the home directory. */
export function dockerConfigPath(env: NodeJS.ProcessEnv): string {
  return join(env.DOCKER_CONFIG || join(env.HOME || homedir(), '.docker'), 'config.json');
}

/** The files that may hold credentials, best first; Podman's and Buildah's after Docker's. */
export function configPaths(env: NodeJS.ProcessEnv): string[] {
  const runtime = env.XDG_RUNTIME_DIR;
  const home = env.HOME || homedir();
  return [
    ...(env.REGISTRY_AUTH_FILE ? [env.REGISTRY_AUTH_FILE] : []),
    dockerConfigPath(env),
    ...(runtime ? [join(runtime, 'containers/auth.json')] : []),
    join(env.XDG_CONFIG_HOME || join(home, '.config'), 'containers/auth.json'),
  ];
}

/** Nothing where there is no such file. @throws StagecraftError `usage` when it is not a JSON object */
export function readDockerConfig(path: string): DockerConfig | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return undefined;
    throw error;
  }
  let value: unknown;
  try {
    // An empty file is one that somebody has made ready.
    value = text.trim() === '' ? {} : JSON.parse(text);
  } catch (cause) {
    throw new StagecraftError('usage', `The configuration ${path} is not JSON.`, {
      hint: 'Repair it, or name another directory in DOCKER_CONFIG.',
      cause,
    });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as DockerConfig;
  throw new StagecraftError('usage', `The configuration ${path} is not a JSON object.`);
}
