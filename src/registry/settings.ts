import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { StagecraftError } from '../util/errors.ts';

/** One `[[registry]]` of registries.conf: where images of a name come from. */
export interface RegistrySetting {
  /** `host`, `host/namespace` or `*.domain`: the names it is for. */
  readonly prefix: string;
  /** What takes the place of the prefix. */
  readonly location: string;
  readonly insecure: boolean;
  readonly blocked: boolean;
  readonly mirrors: readonly MirrorSetting[];
}

export interface MirrorSetting {
  readonly location: string;
  readonly insecure: boolean;
  /** Which images it is asked for: those that are named by a digest, by a tag alone, or all. */
  readonly pull: 'all' | 'digest-only' | 'tag-only';
}

/**
 * The settings of the user, else of the machine, in the form that Podman, Buildah and skopeo use
 * (containers-registries.conf(5), version 2), with the files of the `.d` directory beside each.
 * @throws StagecraftError `usage` when a file cannot be understood
 */
export async function readRegistrySettings(env: NodeJS.ProcessEnv): Promise<RegistrySetting[]> {
  const home = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config');
  const own = join(home, 'containers/registries.conf');
  const main = env.CONTAINERS_REGISTRIES_CONF || (existsSync(own) ? own : '/etc/containers/registries.conf');
  const files = [main, ...parts('/etc/containers/registries.conf.d'), ...parts(`${own}.d`)];
  const settings = new Map<string, RegistrySetting>();
  for (const file of files.filter(existsSync))
    for (const setting of await readFile(file)) settings.set(setting.prefix, setting);
  return [...settings.values()];
}

/** The setting with the longest prefix that fits. */
export function settingFor(settings: readonly RegistrySetting[], name: string): RegistrySetting | undefined {
  return settings
    .filter(({ prefix }) => isPrefix(prefix, name))
    .sort((a, b) => b.prefix.length - a.prefix.length)[0];
}

function isPrefix(prefix: string, name: string): boolean {
  if (prefix.startsWith('*.')) return name.slice(0, `${name}/`.indexOf('/')).endsWith(prefix.slice(1));
  return name === prefix || name.startsWith(`${prefix}/`);
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
  let document: Record<string, unknown>;
  try {
    document = parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new StagecraftError('usage', `The registry settings ${file} are not TOML: ${firstLine(cause)}.`, {
      cause,
    });
  }
  const entries = Array.isArray(document.registry) ? (document.registry as Entry[]) : [];
  return entries.flatMap(entry => {
    const location = textOf(entry.location) ?? textOf(entry.prefix);
    const prefix = textOf(entry.prefix) ?? location;
    if (prefix === undefined || location === undefined) return [];
    const mirrors = Array.isArray(entry.mirror) ? (entry.mirror as Entry[]) : [];
    return {
      prefix,
      location,
      insecure: entry.insecure === true,
      blocked: entry.blocked === true,
      mirrors: mirrors.flatMap(mirror => {
        const place = textOf(mirror.location);
        return place === undefined
          ? []
          : { location: place, insecure: mirror.insecure === true, pull: pullOf(entry, mirror) };
      }),
    };
  });
}

function pullOf(registry: Entry, mirror: Entry): MirrorSetting['pull'] {
  const own = mirror['pull-from-mirror'];
  if (own === 'digest-only' || own === 'tag-only') return own;
  return registry['mirror-by-digest-only'] === true ? 'digest-only' : 'all';
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function firstLine(error: unknown): string {
  return (error as Error).message.split('\n', 1)[0]!;
}
