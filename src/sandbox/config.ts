import { StagecraftError } from '../util/errors.ts';
import { grantedCapabilities } from './capabilities.ts';
import type { RuntimeConfig, RuntimeMount } from './oci.ts';
import type { DeviceEdits, SandboxSpec } from './types.ts';

/** The group that owns terminals, in every distribution. */
const ttyGroup = 5;

/** Bytes of `/dev/shm`, as Docker has it. */
const defaultShmSize = 64 * 1024 * 1024;

/** Where the parts of a configuration lie that are not in the spec. */
export interface Layout {
  /** The mounted root file system. */
  readonly root: string;
  /** The spec's own mounts, in the runtime's form. */
  readonly mounts: readonly RuntimeMount[];
  /** Files to be mounted as `/etc/resolv.conf` and `/etc/hosts`, and where these paths lead. */
  readonly resolvConf: string;
  readonly hosts: string;
  readonly network: readonly [resolvConf: string, hosts: string];
}

/** What is known of the machine and of this process. */
export interface Surroundings {
  /** True inside a user namespace, where some mounts are not allowed. */
  readonly inUserNamespace: boolean;
  /** True where this process's own id is the only one there is, which stands for root's. */
  readonly singleId: boolean;
  /** Whether the user namespace has such a user, or group. */
  hasUser(uid: number): boolean;
  hasGroup(gid: number): boolean;
  /** How control groups are mounted: version 2 alone, both, version 1 alone, or not at all. */
  readonly cgroups: 'v2' | 'hybrid' | 'v1' | 'none';
}

/** The OCI runtime configuration for a spec, without seccomp: the file system, rights and limits that Docker gives. */
export function runtimeConfig(spec: SandboxSpec, layout: Layout, around: Surroundings): RuntimeConfig {
  const insecure = spec.security === 'insecure';
  const capabilities = grantedCapabilities(spec.security);
  // An insecure step keeps its rights under another user than root too.
  const handedOn = insecure ? capabilities : [];
  const namespaces = ['pid', 'ipc', 'uts', 'mount'];
  if (spec.network === 'none') namespaces.push('network');
  if (around.cgroups === 'v2') namespaces.push('cgroup');
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: spec.tty === true,
      ...(spec.tty &&
        process.stdout.isTTY && {
          consoleSize: { height: process.stdout.rows, width: process.stdout.columns },
        }),
      user: { ...userOf(spec, around), umask: 0o022 },
      args: spec.args,
      env: spec.env,
      cwd: spec.cwd,
      capabilities: {
        bounding: capabilities,
        effective: capabilities,
        permitted: capabilities,
        ...{ inheritable: handedOn, ambient: handedOn },
      },
      rlimits: (spec.ulimits ?? []).map(({ name, soft, hard }) => ({
        type: `RLIMIT_${name.toUpperCase()}`,
        soft: limit(soft),
        hard: limit(hard),
      })),
      noNewPrivileges: false,
    },
    root: { path: layout.root, readonly: spec.upper === undefined },
    hostname: spec.hostname,
    mounts: [...systemMounts(spec, around), ...networkFiles(layout), ...layout.mounts],
    ...(spec.devices?.hooks.length && { hooks: hooksOf(spec.devices) }),
    linux: {
      namespaces: namespaces.map(type => ({ type })),
      maskedPaths: insecure ? [] : maskedPaths,
      readonlyPaths: insecure ? [] : readonlyPaths,
    },
  };
}

function hooksOf({ hooks }: DeviceEdits): NonNullable<RuntimeConfig['hooks']> {
  const runtimeHooks: NonNullable<RuntimeConfig['hooks']> = {};
  for (const { name, path, args, env, timeout } of hooks) {
    runtimeHooks[name] ??= [];
    runtimeHooks[name].push({
      path,
      args: [...args],
      env: [...env],
      ...(timeout !== undefined && { timeout }),
    });
  }
  return runtimeHooks;
}

/** A resource limit; negative for none, which is the largest 64-bit number: beyond those that JavaScript can write. */
function limit(value: number): number {
  const { rawJSON } = JSON as unknown as { rawJSON(text: string): number };
  return value < 0 ? rawJSON('18446744073709551615') : value;
}

/**
 * Who the process is. Where there is only one id everybody is root.
 * @throws StagecraftError `unsupported` for an id that the user namespace does not have
 */
function userOf({ user }: SandboxSpec, around: Surroundings): SandboxSpec['user'] {
  if (around.singleId) return { uid: 0, gid: 0, additionalGids: [] };
  // The own group is also a supplementary one, so that a program that changes its group does not leave it.
  const additionalGids = [...new Set([user.gid, ...user.additionalGids])];
  const beyond = additionalGids.filter(gid => !around.hasGroup(gid));
  if (around.hasUser(user.uid) && beyond.length === 0) return { ...user, additionalGids };
  const who = around.hasUser(user.uid) ? `group ${beyond[0]}` : `user ${user.uid}`;
  throw new StagecraftError(
    'unsupported',
    `The step runs as ${who}, an id beyond those that this user may use.`,
    {
      hint: 'Give the user more subordinate ids in /etc/subuid and /etc/subgid, or run as root.',
    },
  );
}

/**
 * Keeps device nodes that a step makes, or that a layer holds, from being opened: nothing else stands between a root
 * that may make nodes and the machine's disks, as there is no control group for devices here.
 */
export function deviceOptions({ security }: Pick<SandboxSpec, 'security'>): string[] {
  return security === 'insecure' ? [] : ['nodev'];
}

/** The machine's own devices that every container has (OCI runtime specification, config-linux.md, default devices). */
const devices = ['/dev/null', '/dev/zero', '/dev/full', '/dev/random', '/dev/urandom', '/dev/tty'];

function bindOf(path: string): RuntimeMount {
  return { destination: path, type: 'bind', source: path, options: ['bind', 'rprivate'] };
}

function systemMounts(spec: SandboxSpec, around: Surroundings): RuntimeMount[] {
  const quiet = ['nosuid', 'noexec', 'nodev'];
  const terminals = ['newinstance', 'ptmxmode=0666', 'mode=0620'];
  if (around.hasGroup(ttyGroup)) terminals.push('gid=5');
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: quiet },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k', ...deviceOptions(spec)],
    },
    // In a user namespace the runtimes do the same by themselves, as no devices can be made there.
    ...(around.inUserNamespace ? [] : devices.map(path => bindOf(path))),
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', ...terminals],
    },
    {
      destination: '/dev/shm',
      type: 'tmpfs',
      source: 'shm',
      options: [...quiet, 'mode=1777', `size=${spec.shmSize ?? defaultShmSize}`],
    },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: quiet },
    ...systemFiles(spec, around),
  ];
}

/** `/sys`. A user namespace may mount it only if it owns the network namespace; else the host's is shown. */
function systemFiles(spec: SandboxSpec, around: Surroundings): RuntimeMount[] {
  const options = ['nosuid', 'noexec', 'nodev'];
  if (spec.security !== 'insecure') options.push('ro');
  if (around.inUserNamespace && spec.network === 'host')
    return [
      { destination: '/sys', type: 'bind', source: '/sys', options: ['rbind', 'rprivate', ...options] },
    ];
  const groups = { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options };
  return [
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options },
    ...(around.cgroups === 'v2' ? [groups] : []),
  ];
}

function networkFiles({ resolvConf, hosts, network }: Layout): RuntimeMount[] {
  const options = ['rbind', 'ro', 'nosuid', 'noexec', 'nodev'];
  return [resolvConf, hosts].map((source, index) => ({
    ...{ destination: network[index]!, type: 'bind', source, options },
  }));
}

/** What Docker hides: it tells of the machine, or lets its hardware be used to spy on others. */
const maskedPaths = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];

/** What Docker shows but does not let be changed. */
const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];
