import { readFileSync } from 'node:fs';

/** Linux capabilities in the order of their bits: capabilities(7). */
const all = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
] as const;

export type Capability = (typeof all)[number];

/** What Docker leaves to a container's root. */
const docker: ReadonlySet<Capability> = new Set([
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
]);

/** The capabilities for a process in the sandbox: never more than this process can hand down. */
export function grantedCapabilities(security: 'sandbox' | 'insecure'): Capability[] {
  const own = ownCapabilities();
  return all.filter(each => own.has(each) && (security === 'insecure' || docker.has(each)));
}

/** The number of a capability's bit. */
export function capabilityBit(capability: Capability): number {
  return all.indexOf(capability);
}

/** The highest bit that the running kernel may know. */
export const lastCapabilityBit = 63;

let known: Set<Capability> | undefined;

function ownCapabilities(): Set<Capability> {
  if (known !== undefined) return known;
  const status = readFileSync('/proc/self/status', 'latin1');
  const set = (name: string): bigint =>
    BigInt(`0x${new RegExp(`^${name}:\\s*(\\w+)`, 'm').exec(status)![1]}`);
  const bits = set('CapBnd') & set('CapPrm');
  known = new Set(all.filter((_, bit) => (bits >> BigInt(bit)) & 1n));
  return known;
}
