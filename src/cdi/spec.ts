import type { DeviceEdits, DeviceHook, DeviceMount, DeviceNode } from '../sandbox/types.ts';
import { parseBoolean } from '../util/boolean.ts';

/** A device that a CDI specification file describes. */
export interface CdiDevice {
  /** `vendor/class=name`. */
  readonly name: string;
  /** Those of the file and of the device. */
  readonly annotations: ReadonlyMap<string, string>;
  readonly edits: DeviceEdits;
  /** The file it is from. */
  readonly spec: CdiSpec;
}

/** One file. */
export interface CdiSpec {
  readonly path: string;
  /** For every process that gets one of its devices or more, once. */
  readonly edits: DeviceEdits;
}

/** BuildKit's annotation for devices that need no `--allow`. */
export function isAutoAllowed({ annotations }: CdiDevice): boolean {
  return parseBoolean(annotations.get('org.mobyproject.buildkit.device.autoallow') ?? '') ?? false;
}

/** BuildKit's annotation for a name that several devices share. */
export function classOf({ annotations }: CdiDevice): string | undefined {
  return annotations.get('org.mobyproject.buildkit.device.class');
}

/**
 * The devices in a file's value (CDI specification, "CDI JSON Specification"). A field that is not known may be an
 * edit that a device cannot do without, so it makes the file invalid.
 * @throws Error that says what is wrong with it
 */
export function readSpec(value: unknown, path: string): CdiDevice[] {
  const spec = new Fields(value, 'the file');
  spec.only('cdiVersion', 'kind', 'annotations', 'devices', 'containerEdits');
  if (!/^v?\d+\.\d+\.\d+$/.test(spec.text('cdiVersion'))) throw new Error('its cdiVersion is no version');
  const kind = spec.text('kind');
  if (!/^[a-z]([\w.-]*[a-z\d])?\/[a-z]([\w.-]*[a-z\d])?$/i.test(kind))
    throw new Error(`its kind ${kind} is not VENDOR/CLASS`);
  const from: CdiSpec = { path, edits: readEdits(spec.optional('containerEdits')) };
  const common = annotationsOf(spec);
  const devices = spec.list('devices').map(each => {
    const device = new Fields(each, 'a device');
    device.only('name', 'annotations', 'containerEdits');
    const name = device.text('name');
    if (!/^[a-z\d]([\w.:-]*[a-z\d])?$/i.test(name)) throw new Error(`the name ${name} of a device is none`);
    const annotations = new Map([...common, ...annotationsOf(device)]);
    return {
      name: `${kind}=${name}`,
      annotations,
      edits: readEdits(device.optional('containerEdits')),
      spec: from,
    };
  });
  if (devices.length === 0) throw new Error('it has no devices');
  const names = new Set(devices.map(({ name }) => name));
  if (names.size < devices.length) throw new Error('two of its devices have one name');
  return devices;
}

function readEdits(value: unknown): DeviceEdits {
  const edits = new Fields(value ?? {}, 'containerEdits');
  // What follows needs a network namespace, or hardware for itself, that steps do not have.
  edits.only('env', 'deviceNodes', 'mounts', 'hooks', 'additionalGids');
  const env = edits.texts('env');
  const wrong = env.find(each => each.indexOf('=') <= 0);
  if (wrong !== undefined) throw new Error(`the variable ${wrong} has no value`);
  return {
    env,
    nodes: edits.list('deviceNodes').map(readNode),
    mounts: edits.list('mounts').map(readMount),
    hooks: edits.list('hooks').map(readHook),
    additionalGids: edits.list('additionalGids').map(gid => Number(gid)),
  };
}

function readNode(value: unknown): DeviceNode {
  const node = new Fields(value, 'a device node');
  node.only('path', 'hostPath', 'type', 'major', 'minor', 'fileMode', 'permissions', 'uid', 'gid');
  const target = absolutePath(node, 'path');
  const type = node.optional('type') === undefined ? undefined : node.text('type');
  if (type !== undefined && !/^[bcup]$/.test(type))
    throw new Error(`a device node cannot be of the type ${type}`);
  const number = (name: string): number | undefined => node.number(name);
  const [major, minor, mode, uid, gid] = ['major', 'minor', 'fileMode', 'uid', 'gid'].map(number);
  return {
    target,
    source: node.optional('hostPath') === undefined ? target : absolutePath(node, 'hostPath'),
    ...(type !== undefined && { type: type === 'u' ? 'c' : (type as 'b' | 'c' | 'p') }),
    ...(major !== undefined && { major }),
    ...(minor !== undefined && { minor }),
    ...(mode !== undefined && { mode }),
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
  };
}

function readMount(value: unknown): DeviceMount {
  const mount = new Fields(value, 'a mount');
  mount.only('hostPath', 'containerPath', 'options', 'type');
  const type = mount.optional('type');
  return {
    source: mount.text('hostPath'),
    target: absolutePath(mount, 'containerPath'),
    options: mount.texts('options'),
    ...(typeof type === 'string' && type !== '' && { type }),
  };
}

const hookNames = [
  'prestart',
  'createRuntime',
  'createContainer',
  'startContainer',
  'poststart',
  'poststop',
] as const;

function readHook(value: unknown): DeviceHook {
  const hook = new Fields(value, 'a hook');
  hook.only('hookName', 'path', 'args', 'env', 'timeout');
  const name = hookNames.find(each => each === hook.text('hookName'));
  if (name === undefined) throw new Error(`there are no hooks of the name ${hook.text('hookName')}`);
  const timeout = hook.number('timeout');
  return {
    name,
    path: absolutePath(hook, 'path'),
    args: hook.texts('args'),
    env: hook.texts('env'),
    ...(timeout !== undefined && { timeout }),
  };
}

function absolutePath(fields: Fields, name: string): string {
  const path = fields.text(name);
  if (path.startsWith('/')) return path;
  throw new Error(`the ${name} ${path} is not absolute`);
}

function annotationsOf(fields: Fields): [string, string][] {
  const annotations = fields.optional('annotations');
  if (annotations === undefined || annotations === null) return [];
  if (!isObject(annotations)) throw new Error('its annotations are no object');
  return Object.entries(annotations).map(([name, value]) => [name, String(value)]);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object of the file, read field by field. */
class Fields {
  readonly #values: Record<string, unknown>;
  readonly #what: string;

  constructor(value: unknown, what: string) {
    if (!isObject(value)) throw new Error(`${what} is no object`);
    this.#values = value;
    this.#what = what;
  }

  only(...names: readonly string[]): void {
    const unknown = Object.keys(this.#values).find(name => !names.includes(name));
    if (unknown !== undefined) throw new Error(`the field ${unknown} of ${this.#what} is not known here`);
  }

  optional(name: string): unknown {
    return this.#values[name] ?? undefined;
  }

  text(name: string): string {
    const value = this.#values[name];
    if (typeof value === 'string' && value !== '') return value;
    throw new Error(`${this.#what} has no ${name}`);
  }

  number(name: string): number | undefined {
    const value = this.optional(name);
    if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= 0))
      return value as number | undefined;
    throw new Error(`the ${name} of ${this.#what} is no number`);
  }

  list(name: string): unknown[] {
    const value = this.optional(name) ?? [];
    if (Array.isArray(value)) return value;
    throw new Error(`the ${name} of ${this.#what} is no list`);
  }

  texts(name: string): string[] {
    const values = this.list(name);
    if (values.every(value => typeof value === 'string')) return values;
    throw new Error(`the ${name} of ${this.#what} holds something other than texts`);
  }
}
