import type { DeviceRegistry } from '../cdi/registry.ts';
import { type CdiDevice, isAutoAllowed } from '../cdi/spec.ts';
import type { ExecOp, GraphVertex } from '../llb/index.ts';
import { parseCsv } from '../util/csv.ts';
import { type SourceRange, StagecraftError } from '../util/errors.ts';
import type { Rights, SolverServices } from './types.ts';

/**
 * Reads `security.insecure`, `network.host`, `device` and `device=NAME[,alias=NAME]`.
 * @throws StagecraftError `usage`
 */
export function readRights(allowed: readonly string[]): Rights {
  const names = new Set<string>();
  const devices = new Map<string, string>();
  for (const text of allowed) {
    if (text.startsWith('device=')) {
      const [name, alias] = readDevice(text);
      devices.set(alias ?? name, name);
    } else if (['security.insecure', 'network.host', 'device'].includes(text)) names.add(text);
    else throw wrong(text, 'there is no such right');
  }
  return {
    insecure: names.has('security.insecure'),
    hostNetwork: names.has('network.host'),
    devices: names.has('device') ? 'all' : devices,
  };
}

function readDevice(text: string): [name: string, alias: string | undefined] {
  const [name = '', ...fields] = parseCsv(text.slice('device='.length));
  const wrongField = fields.find(field => !field.startsWith('alias='));
  if (wrongField !== undefined) throw wrong(text, `it has no field ${wrongField}`);
  if (name === '') throw wrong(text, 'it names no device');
  return [name, fields.at(-1)?.slice('alias='.length)];
}

function wrong(text: string, reason: string): StagecraftError {
  return new StagecraftError('usage', `The value "${text}" of --allow is wrong: ${reason}.`, {
    hint: 'There are security.insecure, network.host, device and device=NAME[,alias=NAME].',
  });
}

/**
 * The vertexes of a graph, those that ask for devices with the ones that they get in their place. This is done before
 * anything runs or is taken from the cache, as BuildKit does it.
 * @throws StagecraftError `usage` for what the user does not allow, `not-found` for a required device that is not there
 */
export async function permit(
  vertices: Iterable<GraphVertex>,
  { rights, devices }: Pick<SolverServices, 'rights' | 'devices'>,
): Promise<GraphVertex[]> {
  const permitted: GraphVertex[] = [];
  for (const vertex of vertices) {
    const { op, metadata } = vertex;
    if (op.kind !== 'exec') {
      permitted.push(vertex);
      continue;
    }
    const { range } = metadata;
    if (op.security === 'insecure' && !rights.insecure)
      throw refused('--security=insecure', 'security.insecure', range);
    if (op.network === 'host' && !rights.hostNetwork) throw refused('--network=host', 'network.host', range);
    const cdiDevices = op.cdiDevices.length > 0 ? granted(op, rights, await devices(), range) : [];
    permitted.push({ ...vertex, op: { ...op, cdiDevices } });
  }
  return permitted;
}

/** The devices that a step gets, by their full names, and after them those that it can do without and must. */
function granted(
  { cdiDevices }: ExecOp,
  rights: Rights,
  registry: DeviceRegistry,
  range: SourceRange | undefined,
): ExecOp['cdiDevices'] {
  const names = new Set<string>();
  const absent: ExecOp['cdiDevices'] = [];
  for (const { name, optional } of cdiDevices) {
    const meant = rights.devices === 'all' ? name : (rights.devices.get(name) ?? name);
    const found = registry.find(meant);
    if (found.length === 0 && !optional) throw missing(meant, registry, range);
    if (found.length === 0) absent.push({ name: meant, optional });
    const isGranted = meant !== name || rights.devices === 'all';
    const forbidden = found.find(
      device => !isGranted && !isAutoAllowed(device) && !isNamed(device, rights, registry),
    );
    if (forbidden !== undefined)
      throw refused(`the device ${forbidden.name}`, `device=${forbidden.name}`, range);
    for (const device of found) names.add(device.name);
  }
  return [...Array.from(names, name => ({ name, optional: false })), ...absent];
}

function isNamed(device: CdiDevice, { devices }: Rights, registry: DeviceRegistry): boolean {
  return devices === 'all' || [...devices.keys()].some(name => registry.find(name).includes(device));
}

function missing(
  name: string,
  { devices, problems }: DeviceRegistry,
  range: SourceRange | undefined,
): StagecraftError {
  const known = devices.map(device => device.name).join(', ');
  return new StagecraftError(
    'not-found',
    `The device ${name}, which this step requires, is not registered here.`,
    {
      hint: [known === '' ? 'No file describes a device.' : `There are: ${known}.`, ...problems].join('\n'),
      range,
    },
  );
}

function refused(what: string, right: string, range: SourceRange | undefined): StagecraftError {
  return new StagecraftError('usage', `This step asks for ${what}, which the build does not allow.`, {
    hint: `Allow it with --allow ${right}.`,
    range,
  });
}
