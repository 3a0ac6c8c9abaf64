import { chmodSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { mount, mountFlag } from '../../syscall/mount.ts';
import { makeNode } from '../../syscall/nodes.ts';
import { bytesFromText } from '../../util/bytes.ts';
import type { RuntimeConfig, RuntimeMount } from '../oci.ts';
import type { NewRoot } from './target.ts';

/** Options that are flags of mount(2); others go to the file system as they are. */
const flags = {
  ...{ ro: mountFlag.ro, nosuid: mountFlag.nosuid, nodev: mountFlag.nodev, noexec: mountFlag.noexec },
  ...{ noatime: mountFlag.noatime, nodiratime: mountFlag.nodiratime, relatime: mountFlag.relatime },
  ...{ strictatime: mountFlag.strictatime, bind: mountFlag.bind, rbind: mountFlag.bind | mountFlag.rec },
} as const satisfies Record<string, number>;
/** Options that say what is so anyway: the whole mount namespace is private. */
const implied = new Set(['rw', 'private', 'rprivate']);

/** Makes one mount of the configuration in the new root. */
export function makeMount(root: NewRoot, { destination, type, source, options }: RuntimeMount): void {
  let bits = 0;
  const data: string[] = [];
  for (const option of options) {
    if (Object.hasOwn(flags, option)) bits |= flags[option as keyof typeof flags];
    else if (!implied.has(option)) data.push(option);
  }
  if ((bits & mountFlag.bind) === 0) {
    const name = type === 'cgroup' ? 'cgroup2' : type;
    root.ensure(destination, 'directory', place =>
      mount(source, place, name, bits, bytesFromText(data.join(','))),
    );
    return;
  }
  const kind = statSync(source).isDirectory() ? 'directory' : 'file';
  const wanted = bits & ~(mountFlag.bind | mountFlag.rec);
  root.ensure(destination, kind, place => {
    mount(bytesFromText(source), place, '', bits & (mountFlag.bind | mountFlag.rec));
  });
  if (wanted !== 0) restrict(root, destination, wanted);
}

/** Adds flags to the mount at a place, keeping those it has: a user namespace must not take them away. */
function restrict(root: NewRoot, path: string, wanted: number): void {
  root.at(path, place => {
    mount('', place, '', mountFlag.remount | mountFlag.bind | flagsOf(place) | wanted);
  });
}

/** The flags of the mount that a descriptor is in: proc_pid_fdinfo(5), proc_pid_mountinfo(5). */
function flagsOf(place: string): number {
  const info = readFileSync(place.replace('/fd/', '/fdinfo/'), 'latin1');
  const id = /^mnt_id:\s*(\d+)$/m.exec(info)![1];
  const mountinfo = readFileSync('/proc/self/mountinfo', 'latin1');
  const options = new RegExp(`^${id} \\S+ \\S+ \\S+ \\S+ (\\S+)`, 'm').exec(mountinfo)?.[1] ?? '';
  return options
    .split(',')
    .filter(option => Object.hasOwn(flags, option))
    .reduce((bits, option) => bits | flags[option as keyof typeof flags], 0);
}

const devices: readonly [name: string, major: number, minor: number][] = [
  ['null', 1, 3],
  ['zero', 1, 5],
  ['full', 1, 7],
  ['random', 1, 8],
  ['urandom', 1, 9],
  ['tty', 5, 0],
];

const links: readonly [name: string, to: string][] = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
  ['core', '/proc/kcore'],
  ['ptmx', 'pts/ptmx'],
];

/** What `/dev` has in every container (OCI runtime specification, config-linux.md, default devices), and the terminal of the step. */
export function fillDev(root: NewRoot, terminal: string | undefined): void {
  root.at('/dev', dev => {
    for (const [name, to] of links) symlinkSync(to, `${dev}/${name}`);
    for (const [name, major, minor] of devices) {
      try {
        makeNode(`${dev}/${name}`, 'char', 0o666, major, minor);
        chmodSync(`${dev}/${name}`, 0o666);
      } catch {
        // A user namespace makes no devices; the machine's own will do.
        makeNode(`${dev}/${name}`, 'file', 0o644);
        mount(`/dev/${name}`, `${dev}/${name}`, '', mountFlag.bind);
      }
    }
    if (terminal === undefined) return;
    makeNode(`${dev}/console`, 'file', 0o644);
    mount(bytesFromText(terminal), `${dev}/console`, '', mountFlag.bind);
  });
}

/** Hides paths, and makes others read-only, as the configuration says; what does not exist needs neither. */
export function cover(root: NewRoot, { maskedPaths, readonlyPaths }: RuntimeConfig['linux']): void {
  for (const path of maskedPaths) {
    root.at(path, place => {
      if (statSync(place).isDirectory()) mount('tmpfs', place, 'tmpfs', mountFlag.ro, 'size=0');
      else mount('/dev/null', place, '', mountFlag.bind);
    });
  }
  for (const path of readonlyPaths) {
    const exists = root.at(path, place => mount(place, place, '', mountFlag.bind | mountFlag.rec));
    if (exists) restrict(root, path, mountFlag.ro);
  }
}
