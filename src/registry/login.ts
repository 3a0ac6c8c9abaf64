import { mkdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseName } from '../image/reference.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';
import { isEntryOf, serverName } from './credentials.ts';
import { configPaths, type DockerConfig, readDockerConfig } from './docker-config.ts';
import { clearHelper, giveHelper } from './helper.ts';

/** Where a credential was put. */
export type Keeper =
  | { readonly type: 'helper'; readonly name: string }
  | { readonly type: 'file'; readonly path: string };

/** What a logout has done. */
export interface Forgotten {
  /** Whether there was anything to forget. */
  readonly found: boolean;
  /** Files of other tools that have a password for the registry as well. */
  readonly elsewhere: readonly string[];
}

/**
 * The registry that a person means, by name or by address: `docker.io`, `registry.example.com:5000`, or a namespace of
 * one, `registry.example.com/team`.
 * @throws StagecraftError `usage` where it is none
 */
export function registryNamed(text: string): string {
  const address = /^https?:\/\/([^/]*)/.exec(text);
  const name = (address?.[1] ?? text).replace(/\/+$/, '').replace(/\/v[12]$/, '');
  if (/^(index|registry-1)\.docker\.io$/.test(name)) return 'docker.io';
  try {
    const { domain, path } = parseName(`${name}/x`);
    if (name === domain || `${name}/x` === `${domain}/${path}`) return name;
  } catch (error) {
    if (!(error instanceof StagecraftError)) throw error;
  }
  throw new StagecraftError('usage', `${JSON.stringify(text)} is no registry.`, {
    hint: 'Give its host, and its port where that is not 443: registry.example.com:5000.',
  });
}

/**
 * Keeps a password for a registry where Docker keeps it too: with the credential helper that the configuration names,
 * else in the configuration itself, which only its owner can read. `REGISTRY_AUTH_FILE` names another file, as for Podman.
 * @throws StagecraftError `io` when the helper fails
 */
export async function keepPassword(
  registry: string,
  username: string,
  password: string,
  env: NodeJS.ProcessEnv,
): Promise<Keeper> {
  const path = configPaths(env)[0]!;
  const config = readDockerConfig(path) ?? {};
  const server = serverName(registry);
  const helper = helperFor(config, registry);
  if (helper === undefined) {
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    write(path, withEntry(config, registry, { auth }));
    return { type: 'file', path };
  }
  await giveHelper(helper, server, { username, password }, env);
  // An entry without a password, as Docker writes it; one with an old password would go first.
  write(path, withEntry(config, registry, {}));
  return { type: 'helper', name: helper };
}

/** Forgets what is kept for a registry. @throws StagecraftError `io` */
export async function forgetPassword(registry: string, env: NodeJS.ProcessEnv): Promise<Forgotten> {
  const [path, ...others] = configPaths(env) as [string, ...string[]];
  const config = readDockerConfig(path) ?? {};
  const helper = helperFor(config, registry);
  const cleared = helper !== undefined && (await clearHelper(helper, serverName(registry), env));
  const found = hasEntry(config, registry);
  if (found) write(path, withEntry(config, registry, undefined));
  const elsewhere = others.filter(other => hasEntry(readDockerConfig(other) ?? {}, registry));
  return { found: cleared || found, elsewhere };
}

/** Helpers know registries, and no namespaces of them. */
function helperFor({ credHelpers, credsStore }: DockerConfig, registry: string): string | undefined {
  if (registry.includes('/')) return undefined;
  return credHelpers?.[registry] ?? credHelpers?.[serverName(registry)] ?? (credsStore || undefined);
}

function hasEntry({ auths = {} }: DockerConfig, registry: string): boolean {
  return Object.keys(auths).some(key => isEntryOf(key, registry));
}

/** The configuration with this entry alone for a registry; other settings stay as they are. */
function withEntry(config: DockerConfig, registry: string, entry: object | undefined): object {
  const others = Object.entries(config.auths ?? {}).filter(([key]) => !isEntryOf(key, registry));
  const own = entry === undefined ? [] : [[serverName(registry), entry]];
  return { ...config, auths: Object.fromEntries([...others, ...own]) };
}

function write(path: string, config: object): void {
  let draft: string | undefined;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // What is a link to a file elsewhere stays one.
    const target = resolved(path);
    draft = `${target}.${process.pid}`;
    writeFileSync(draft, `${JSON.stringify(config, null, '\t')}\n`, { mode: 0o600, flag: 'wx' });
    renameSync(draft, target);
  } catch (error) {
    if (draft !== undefined) rmSync(draft, { force: true });
    throw new StagecraftError('io', `Cannot write ${path}: ${(error as Error).message}.`, { cause: error });
  }
}

function resolved(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return path;
    throw error;
  }
}
