import type { Capability } from '../capabilities.ts';
import { syscallNames } from './numbers.ts';

/** A test on the low 32 bits of one argument, which is what the kernel looks at in the calls concerned. */
export type ArgumentTest =
  | { index: number; op: 'equal'; value: number }
  | { index: number; op: 'less'; value: number }
  | { index: number; op: 'greater'; value: number }
  /** True when `argument & mask` is zero. */
  | { index: number; op: 'clear'; mask: number };

/** What to do with a system call: let it pass (if a test, where there are any, holds), or fail it with an `errno`. */
export type Rule =
  | { name: string; action: 'allow'; when?: readonly ArgumentTest[] }
  | { name: string; action: 'fail'; errno: number };

export const EPERM = 1;
export const ENOSYS = 38;

/** CLONE_NEWNS, _NEWCGROUP, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID and _NEWNET: making namespaces takes CAP_SYS_ADMIN. */
const namespaceFlags = 0x7e020000;

/** Calls that pass only for a process which may have one of these capabilities. */
const needsOneOf: Readonly<Record<string, readonly Capability[]>> = {
  acct: ['CAP_SYS_PACCT'],
  bpf: ['CAP_SYS_ADMIN', 'CAP_BPF'],
  chroot: ['CAP_SYS_CHROOT'],
  clock_settime: ['CAP_SYS_TIME'],
  clock_settime64: ['CAP_SYS_TIME'],
  delete_module: ['CAP_SYS_MODULE'],
  fanotify_init: ['CAP_SYS_ADMIN'],
  finit_module: ['CAP_SYS_MODULE'],
  fsconfig: ['CAP_SYS_ADMIN'],
  fsmount: ['CAP_SYS_ADMIN'],
  fsopen: ['CAP_SYS_ADMIN'],
  fspick: ['CAP_SYS_ADMIN'],
  get_mempolicy: ['CAP_SYS_NICE'],
  init_module: ['CAP_SYS_MODULE'],
  ioperm: ['CAP_SYS_RAWIO'],
  iopl: ['CAP_SYS_RAWIO'],
  kcmp: ['CAP_SYS_PTRACE'],
  lookup_dcookie: ['CAP_SYS_ADMIN'],
  lsm_get_self_attr: ['CAP_SYS_ADMIN'],
  lsm_list_modules: ['CAP_SYS_ADMIN'],
  lsm_set_self_attr: ['CAP_SYS_ADMIN'],
  mbind: ['CAP_SYS_NICE'],
  mount: ['CAP_SYS_ADMIN'],
  mount_setattr: ['CAP_SYS_ADMIN'],
  move_mount: ['CAP_SYS_ADMIN'],
  open_by_handle_at: ['CAP_DAC_READ_SEARCH'],
  open_tree: ['CAP_SYS_ADMIN'],
  perf_event_open: ['CAP_SYS_ADMIN', 'CAP_PERFMON'],
  pidfd_getfd: ['CAP_SYS_PTRACE'],
  process_madvise: ['CAP_SYS_PTRACE'],
  quotactl: ['CAP_SYS_ADMIN'],
  quotactl_fd: ['CAP_SYS_ADMIN'],
  reboot: ['CAP_SYS_BOOT'],
  set_mempolicy: ['CAP_SYS_NICE'],
  set_mempolicy_home_node: ['CAP_SYS_NICE'],
  setdomainname: ['CAP_SYS_ADMIN'],
  sethostname: ['CAP_SYS_ADMIN'],
  setns: ['CAP_SYS_ADMIN'],
  settimeofday: ['CAP_SYS_TIME'],
  stime: ['CAP_SYS_TIME'],
  syslog: ['CAP_SYS_ADMIN', 'CAP_SYSLOG'],
  umount: ['CAP_SYS_ADMIN'],
  umount2: ['CAP_SYS_ADMIN'],
  unshare: ['CAP_SYS_ADMIN'],
  vhangup: ['CAP_SYS_TTY_CONFIG'],
};

/** Every address family but AF_ALG (38) and AF_VSOCK (40): the kernel's crypto, and the hypervisor. */
const socketFamilies: readonly ArgumentTest[] = [
  { index: 0, op: 'less', value: 38 },
  { index: 0, op: 'equal', value: 39 },
  { index: 0, op: 'greater', value: 40 },
];

/** PER_LINUX, PER_LINUX32, both with UNAME26 too, and the question which one it is. */
const personalities: readonly ArgumentTest[] = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff].map(value => ({
  index: 0,
  op: 'equal',
  value,
}));

/**
 * Docker's default seccomp profile for a process with these capabilities in its bounding set. What it does not name
 * fails with EPERM.
 */
export function defaultProfile(bounding: ReadonlySet<Capability>): Rule[] {
  const privileged = bounding.has('CAP_SYS_ADMIN');
  return syscallNames().flatMap((name): Rule[] => {
    if (name === 'socket') return [{ name, action: 'allow', when: socketFamilies }];
    if (name === 'personality') return [{ name, action: 'allow', when: personalities }];
    if (name === 'clone' && !privileged)
      return [{ name, action: 'allow', when: [{ index: 0, op: 'clear', mask: namespaceFlags }] }];
    // A filter cannot look into clone3's structure. ENOSYS makes libraries fall back to clone.
    if (name === 'clone3' && !privileged) return [{ name, action: 'fail', errno: ENOSYS }];
    const needed = needsOneOf[name];
    return needed === undefined || needed.some(each => bounding.has(each)) ? [{ name, action: 'allow' }] : [];
  });
}

/**
 * Calls that do nothing and say that they succeeded, where there is only one id. Package managers give files to other
 * users as a matter of course, and fetch as another user, and would give up.
 */
export const pretendedOwners: readonly Rule[] = [
  ...['chown', 'chown32', 'fchown', 'fchown32', 'fchownat', 'lchown', 'lchown32'],
  ...['setgroups', 'setuid', 'setgid', 'setreuid', 'setregid', 'setresuid', 'setresgid'].flatMap(bothWidths),
  ...['setfsuid', 'setfsgid'].flatMap(bothWidths),
].map(name => ({ name, action: 'fail', errno: 0 }));

/** A call and its successor with 32-bit ids, on machines that have both. */
function bothWidths(name: string): string[] {
  return [name, `${name}32`];
}

/** The rules in `profile` with those in `instead` in the place of all others for the same calls. */
export function withRules(profile: readonly Rule[], instead: readonly Rule[]): Rule[] {
  const replaced = new Set(instead.map(rule => rule.name));
  return [...profile.filter(rule => !replaced.has(rule.name)), ...instead];
}
