import type { Credential, FindCredential } from './credential.ts';
import type { AuthEntry, DockerConfig } from './docker-config.ts';
import { configPaths, readDockerConfig } from './docker-config.ts';
import { askHelper } from './helper.ts';

/** The key under which Docker keeps the credential of its own registry. */
const dockerHub = 'https://index.docker.io/v1/';

/**
 * Credentials as `docker login` and `podman login` leave them: the helper of a registry, then the entries of the file,
 * then the helper for all. An entry for `host/namespace` goes before one for `host` (containers-auth.json(5)).
 */
export function credentialsOf(env: NodeJS.ProcessEnv): FindCredential {
  let configs: DockerConfig[] | undefined;
  return async (registry, repository) => {
    configs ??= configPaths(env)
      .map(readDockerConfig)
      .filter(config => config !== undefined);
    for (const config of configs) {
      const found = await findIn(config, registry, repository, env);
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

/** The name under which credential helpers keep a registry's. */
export function serverName(registry: string): string {
  return registry === 'docker.io' ? dockerHub : registry;
}

async function findIn(
  config: DockerConfig,
  registry: string,
  repository: string,
  env: NodeJS.ProcessEnv,
): Promise<Credential | undefined> {
  const helper = config.credHelpers?.[registry] ?? config.credHelpers?.[serverName(registry)];
  if (helper !== undefined) return askHelper(helper, serverName(registry), env);
  const entry = findEntry(config.auths ?? {}, registry, repository);
  const written = entry && credentialOf(entry);
  if (written !== undefined) return written;
  return config.credsStore ? askHelper(config.credsStore, serverName(registry), env) : undefined;
}

function findEntry(
  auths: Readonly<Record<string, AuthEntry>>,
  registry: string,
  repository: string,
): AuthEntry | undefined {
  const parts = repository.split('/');
  const scopes = parts.map((_, i) => [registry, ...parts.slice(0, parts.length - i)].join('/'));
  for (const scope of [...scopes, serverName(registry)]) if (Object.hasOwn(auths, scope)) return auths[scope];
  return Object.entries(auths).find(([key]) => isEntryOf(key, registry))?.[1];
}

/** Whether a key of `auths` is for a registry; old ones are addresses. */
export function isEntryOf(key: string, registry: string): boolean {
  return (
    key === registry || key === serverName(registry) || (/^https?:\/\//.test(key) && hostOf(key) === registry)
  );
}

function hostOf(address: string): string | undefined {
  const host = URL.parse(address)?.host;
  return host === 'index.docker.io' ? 'docker.io' : host;
}

function credentialOf(entry: AuthEntry): Credential | undefined {
  if (entry.registrytoken) return { type: 'bearer', token: entry.registrytoken };
  if (entry.identitytoken) return { type: 'identity', token: entry.identitytoken };
  if (entry.username !== undefined && entry.password !== undefined && !entry.auth)
    return { type: 'password', username: entry.username, password: entry.password };
  if (!entry.auth) return undefined;
  const text = Buffer.from(entry.auth, 'base64').toString();
  const colon = text.indexOf(':');
  if (colon < 0) return undefined;
  // Docker once padded what it encoded.
  return {
    type: 'password',
    username: text.slice(0, colon),
    password: text.slice(colon + 1).replace(/\0+$/, ''),
  };
}
