import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { StagecraftError } from '../util/errors.ts';

/** One `[[registry]]` of registries.conf: where images of a name come from. */
export interface RegistrySetting {
  /** `host`, `host/namespace` or `*.domain`: the names it is for. */
  readonly prefix: string;
  /** What takes the place of the prefix; nothing where names stay as they are. */
  readonly location?: string | undefined;
  readonly insecure: boolean;
  readonly blocked: boolean;
  readonly mirrors: readonly MirrorSetting[];
}

export interface MirrorSetting {
  /** What takes the place of the prefix. */
  readonly location: string;
  readonly insecure: boolean;
  /** Which names it is asked for: those with a digest, those without, or all. */
  readonly serves: 'all' | 'digest-only' | 'tag-only';
}

/**
 * The settings of the user, else of the machine, in the form that Podman, Buildah and skopeo use
 * (containers-registries.conf(5), version 2), with the files of the `.d` directory beside each. What they leave open is
 * as Docker's engine is set up.
 * @throws StagecraftError `usage` when a file cannot be understood
 */
export async function readRegistrySettings(env: NodeJS.ProcessEnv): Promise<RegistrySetting[]> {
  const home = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config');
  const own = join(home, 'containers/registries.conf');
  const main = env.CONTAINERS_REGISTRIES_CONF || (existsSync(own) ? own : '/etc/containers/registries.conf');
  const files = [main, ...parts('/etc/containers/registries.conf.d'), ...parts(`${own}.d`)];
  const settings = new Map<string, RegistrySetting>();
  for (const engine of ['/etc/docker/daemon.json', join(home, 'docker/daemon.json')].filter(existsSync))
    for (const setting of readEngineSettings(engine)) settings.set(setting.prefix, setting);
  for (const file of files.filter(existsSync))
    for (const setting of await readFile(file)) settings.set(setting.prefix, setting);
  return [...settings.values()];
}

/** The setting with the longest prefix that fits. */
export function settingFor(settings: readonly RegistrySetting[], name: string): RegistrySetting | undefined {
  return settings
    .filter(({ prefix }) => matchedLength(prefix, name) > 0)
    .sort((a, b) => b.prefix.length - a.prefix.length)[0];
}

/** How much of a name a prefix stands for; 0 where it does not fit. */
export function matchedLength(prefix: string, name: string): number {
  const host = `${name}/`.indexOf('/');
  if (prefix.startsWith('*.')) return name.slice(0, host).endsWith(prefix.slice(1)) ? host : 0;
  return name === prefix || name.startsWith(`${prefix}/`) ? prefix.length : 0;
}

function parts(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter(name => name.endsWith('.conf'))
    .sort()
    .map(name => join(directory, name));
}

interface Entry {
  prefix?: unknown;
  location?: unknown;
  insecure?: unknown;
  blocked?: unknown;
  mirror?: unknown;
  'mirror-by-digest-only'?: unknown;
  'pull-from-mirror'?: unknown;
}

async function readFile(file: string): Promise<RegistrySetting[]> {
  const { parse } = await import('smol-toml');
  const document = read(file, 'TOML', parse);
  const entries = Array.isArray(document.registry) ? (document.registry as Entry[]) : [];
  return entries.flatMap(entry => {
    const prefix = textOf(entry.prefix) ?? textOf(entry.location);
    if (prefix === undefined) return [];
    const mirrors = Array.isArray(entry.mirror) ? (entry.mirror as Entry[]) : [];
    const usual = entry['mirror-by-digest-only'] === true ? 'digest-only' : 'all';
    return {
      prefix,
      location: textOf(entry.location),
      insecure: entry.insecure === true,
      blocked: entry.blocked === true,
      mirrors: mirrors.flatMap(mirror => {
        const location = textOf(mirror.location);
        const serves = servesOf(mirror['pull-from-mirror']) ?? usual;
        return location === undefined ? [] : { location, insecure: mirror.insecure === true, serves };
      }),
    };
  });
}

/** `registry-mirrors`, which are for Docker Hub alone, and `insecure-registries` of Docker's engine (dockerd(8)). */
function readEngineSettings(file: string): RegistrySetting[] {
  const document = read(file, 'JSON', text => JSON.parse(text));
  const textsOf = (value: unknown): string[] =>
    Array.isArray(value) ? value.filter(each => typeof each === 'string') : [];
  const mirrors = textsOf(document['registry-mirrors']).flatMap(address => {
    const url = URL.parse(address);
    if (url === null) return [];
    const location = `${url.host}${url.pathname}`.replace(/\/+$/, '');
    return { location, insecure: url.protocol === 'http:', serves: 'all' as const };
  });
  const insecure = textsOf(document['insecure-registries']).filter(host => !host.includes('/'));
  const plain = { blocked: false, mirrors: [] };
  return [
    ...(mirrors.length > 0 ? [{ prefix: 'docker.io', insecure: false, blocked: false, mirrors }] : []),
    ...insecure.map(prefix => ({ prefix, insecure: true, ...plain })),
  ];
}

function read(file: string, form: string, parse: (text: string) => unknown): Record<string, unknown> {
  try {
    const document = parse(readFileSync(file, 'utf8'));
    if (typeof document === 'object' && document !== null) return document as Record<string, unknown>;
    throw new Error('there is no object in it');
  } catch (cause) {
    throw new StagecraftError(
      'usage',
      `The registry settings ${file} are not ${form}: ${firstLine(cause)}.`,
      {
        cause,
      },
    );
  }
}

function servesOf(value: unknown): MirrorSetting['serves'] | undefined {
  return value === 'all' || value === 'digest-only' || value === 'tag-only' ? value : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function firstLine(error: unknown): string {
  return (error as Error).message.split('\n', 1)[0]!;
}
