import { lstatSync, readdirSync } from 'node:fs';
import { splitDeviceNumber } from '../syscall/nodes.ts';
import { StagecraftError } from '../util/errors.ts';
import { grantedCapabilities } from './capabilities.ts';
import type { Surroundings } from './config.ts';
import type { RuntimeMount } from './oci.ts';
import { shellCommand } from './shell.ts';
import type { DeviceMount, DeviceNode } from './types.ts';

/** A device node that a step gets: what to mount, and the shell command that makes it, where one is to be made. */
export interface PlacedNode {
  readonly mount: RuntimeMount;
  readonly command?: string;
}

/**
 * Puts a device node in its place: made anew with its own mode and owner, or, where this process may make none, that of
 * the machine. A node of the step's root file system could not be opened, one that is mounted can.
 * @param place a path in the scratch directory for it
 * @param user whose it becomes, unless it says otherwise
 * @throws StagecraftError `not-found` if there is no such device on the machine
 */
export function placeNode(
  node: DeviceNode,
  place: string,
  { user, canMake }: { user: { uid: number; gid: number }; canMake: boolean },
): PlacedNode {
  const here = deviceAt(node.source);
  const type = node.type ?? here?.type;
  const numbers = node.major === undefined ? here : { major: node.major, minor: node.minor ?? 0 };
  const mount = (source: string): RuntimeMount => ({
    ...{ destination: node.target, type: 'bind', source, options: ['bind', 'rprivate'] },
  });
  if (type === undefined || (type !== 'p' && numbers === undefined)) throw noDevice(node.source);
  if (here !== undefined && here.type !== type)
    throw new StagecraftError(
      'usage',
      `The device ${node.source} is of another type than its CDI file says.`,
    );
  if (!canMake) {
    if (here === undefined) throw noDevice(node.source);
    return { mount: mount(node.source) };
  }
  const mode = (node.mode ?? here?.mode ?? 0o666) & 0o777;
  const words = type === 'p' ? ['p'] : [type, String(numbers!.major), String(numbers!.minor)];
  const { uid = user.uid, gid = user.gid } = node;
  const make = [
    shellCommand(['mknod', '-m', mode.toString(8), place, ...words]),
    shellCommand(['chown', `${uid}:${gid}`, place]),
  ].join(' && ');
  // Some containers' root may make no device nodes; the machine's own will do there.
  const borrow = `: >${shellCommand([place])} && ${shellCommand(['mount', '--bind', node.source, place])}`;
  return {
    mount: mount(place),
    command: here === undefined ? make : `{ ${make} 2>/dev/null || { ${borrow}; }; }`,
  };
}

/**
 * What a step without restrictions gets beyond the usual devices, as with BuildKit: for file systems in user space and
 * in files, virtual machines, tunnels, and the kernel's log. Nothing where this process may make no devices.
 */
export function insecureNodes(around: Surroundings): DeviceNode[] {
  if (around.inUserNamespace || !grantedCapabilities('insecure').includes('CAP_MKNOD')) return [];
  const node = (path: string, type: 'b' | 'c', major: number, minor: number): DeviceNode => ({
    ...{ source: path, target: path, type, major, minor, mode: 0o666, uid: 0, gid: 0 },
  });
  // The kernel's list of devices, Documentation/admin-guide/devices.txt.
  return [
    node('/dev/kmsg', 'c', 1, 11),
    node('/dev/cuse', 'c', 10, 203),
    node('/dev/fuse', 'c', 10, 229),
    node('/dev/kvm', 'c', 10, 232),
    node('/dev/net/tun', 'c', 10, 200),
    node('/dev/loop-control', 'c', 10, 237),
    ...Array.from({ length: loopDevices() + 8 }, (_, minor) => node(`/dev/loop${minor}`, 'b', 7, minor)),
  ];
}

/** How many there are; more can be made. */
function loopDevices(): number {
  try {
    return readdirSync('/sys/block').filter(name => /^loop\d+$/.test(name)).length;
  } catch {
    return 0;
  }
}

/** A mount of a device, in the runtime's form. */
export function deviceMount({ source, target, options, type }: DeviceMount): RuntimeMount {
  const isBind = type === undefined || type === 'bind' || options.some(each => /^r?bind$/.test(each));
  if (!isBind) return { destination: target, type, source, options: [...options] };
  const bound = options.some(each => /^r?bind$/.test(each)) ? options : ['rbind', ...options];
  return { destination: target, type: 'bind', source, options: [...bound] };
}

function deviceAt(
  path: string,
): { type: 'b' | 'c' | 'p'; major: number; minor: number; mode: number } | undefined {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  const type = stat.isBlockDevice() ? 'b' : stat.isCharacterDevice() ? 'c' : stat.isFIFO() ? 'p' : undefined;
  return type && { type, ...splitDeviceNumber(stat.rdev), mode: Number(stat.mode) };
}

function noDevice(path: string): StagecraftError {
  return new StagecraftError(
    'not-found',
    `There is no device ${path} on this machine, which a CDI file names.`,
  );
}
