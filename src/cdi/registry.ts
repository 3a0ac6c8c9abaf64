import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DeviceEdits } from '../sandbox/types.ts';
import { isErrno } from '../util/errors.ts';
import { type CdiDevice, type CdiSpec, classOf, readSpec } from './spec.ts';

/** Where BuildKit looks; what a later directory says of a device counts. */
const usualDirectories = ['/etc/cdi', '/var/run/cdi', '/etc/buildkit/cdi'];

/** The directories with CDI files: those of `STAGECRAFT_CDI_DIRS`, with colons between them, or the usual ones. */
export function cdiDirectories(env: NodeJS.ProcessEnv = process.env): string[] {
  const named = env.STAGECRAFT_CDI_DIRS;
  return named ? named.split(':').filter(path => path !== '') : usualDirectories;
}

/** The machine's devices, as the files of some directories describe them. */
export class DeviceRegistry {
  /** In the order of their names. */
  readonly devices: readonly CdiDevice[];
  /** What is wrong with files that were left out. */
  readonly problems: readonly string[];

  constructor(devices: readonly CdiDevice[], problems: readonly string[] = []) {
    this.devices = [...devices].sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
    this.problems = problems;
  }

  /** Reads the `.json` and `.yaml` files of the directories. */
  static async read(directories: readonly string[]): Promise<DeviceRegistry> {
    const problems: string[] = [];
    const devices = new Map<string, CdiDevice>();
    for (const directory of directories) {
      const here = new Map<string, CdiDevice>();
      const twice = new Set<string>();
      for (const path of specFiles(directory)) {
        try {
          for (const device of readSpec(await parse(readFileSync(path, 'utf8')), path)) {
            if (here.has(device.name)) twice.add(device.name);
            here.set(device.name, device);
          }
        } catch (error) {
          problems.push(`${path} was left out: ${(error as Error).message}.`);
        }
      }
      for (const [name, device] of here) devices.set(name, device);
      // Nobody can say which of them is meant.
      for (const name of twice) {
        devices.delete(name);
        problems.push(`${name} was left out: two files of ${directory} describe it.`);
      }
    }
    return new DeviceRegistry([...devices.values()], problems);
  }

  /**
   * What a `--device` names: `vendor/class=name`, `vendor/class=*` for all of a kind, `vendor/class` for the first of
   * it, or else the class that the annotations of devices give.
   */
  find(wanted: string): CdiDevice[] {
    const [, kind, name] = /^([^/=]+\/[^/=]+)(?:=(.*))?$/.exec(wanted) ?? [];
    if (kind !== undefined) {
      const ofKind = this.devices.filter(device => device.name.startsWith(`${kind}=`));
      const found =
        name === '*' ? ofKind : name ? ofKind.filter(device => device.name === wanted) : ofKind.slice(0, 1);
      if (found.length > 0) return found;
    }
    return this.devices.filter(device => classOf(device) === wanted);
  }
}

/** All that some devices change about a process. A file's own edits come before those of its first device. */
export function editsOf(devices: readonly CdiDevice[]): DeviceEdits {
  const specs = new Set<CdiSpec>();
  const all = devices.flatMap(({ spec, edits }) => {
    if (specs.has(spec)) return [edits];
    specs.add(spec);
    return [spec.edits, edits];
  });
  return {
    env: all.flatMap(({ env }) => env),
    nodes: all.flatMap(({ nodes }) => nodes),
    mounts: all.flatMap(({ mounts }) => mounts),
    hooks: all.flatMap(({ hooks }) => hooks),
    additionalGids: [...new Set(all.flatMap(({ additionalGids }) => additionalGids))],
  };
}

function specFiles(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter(name => /\.(json|yaml)$/.test(name))
      .sort()
      .map(name => join(directory, name));
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return [];
    throw error;
  }
}

/** JSON is YAML too, but needs no library. */
async function parse(text: string): Promise<unknown> {
  try {
    return JSON.parse(text);
  } catch {
    const { parseYaml } = await import('./yaml.ts');
    return parseYaml(text);
  }
}
