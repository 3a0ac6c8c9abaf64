import { readFileSync } from 'node:fs';
import { StagecraftError } from '../util/errors.ts';
import { grantedCapabilities } from './capabilities.ts';
import type { Surroundings } from './config.ts';
import type { SandboxSpec } from './types.ts';

/** The names of resource limits, `--ulimit`'s and those of `/proc/PID/limits` (proc_pid_limits(5)). */
const kernelNames: Readonly<Record<string, string>> = {
  core: 'Max core file size',
  cpu: 'Max cpu time',
  data: 'Max data size',
  fsize: 'Max file size',
  locks: 'Max file locks',
  memlock: 'Max locked memory',
  msgqueue: 'Max msgqueue size',
  nice: 'Max nice priority',
  nofile: 'Max open files',
  nproc: 'Max processes',
  rss: 'Max resident set',
  rtprio: 'Max realtime priority',
  rttime: 'Max realtime timeout',
  sigpending: 'Max pending signals',
  stack: 'Max stack size',
};

/**
 * Makes sure that a step can have its limits: only the machine's root may raise a hard limit, and nobody that of open
 * files beyond what the kernel has.
 * @throws StagecraftError `unsupported`
 */
export function requireLimits({ ulimits = [] }: Pick<SandboxSpec, 'ulimits'>, around: Surroundings): void {
  if (ulimits.length === 0) return;
  const mayRaise = !around.inUserNamespace && grantedCapabilities('insecure').includes('CAP_SYS_RESOURCE');
  const own = readFileSync('/proc/self/limits', 'latin1');
  for (const { name, hard } of ulimits) {
    const most = Math.min(
      mayRaise ? Infinity : hardLimit(own, name),
      name === 'nofile' ? mostOpenFiles() : Infinity,
    );
    if (reach(hard) <= most) continue;
    throw new StagecraftError(
      'unsupported',
      `The limit ${name} cannot be ${hard < 0 ? 'unlimited' : hard}: ${mayRaise ? 'this machine' : 'this user'} allows no more than ${most}.`,
      { hint: mayRaise ? undefined : `Ask for less, --ulimit ${name}=${most}, or run as root.` },
    );
  }
}

/** This process's hard limit; without end if the kernel does not tell. */
function hardLimit(limits: string, name: string): number {
  const line = limits.split('\n').find(each => each.startsWith(`${kernelNames[name]} `));
  const [, hard = 'unlimited'] = line?.slice(26).trim().split(/\s+/) ?? [];
  return hard === 'unlimited' ? Infinity : Number(hard);
}

function mostOpenFiles(): number {
  return Number(readFileSync('/proc/sys/fs/nr_open', 'latin1'));
}

function reach(value: number): number {
  return value < 0 ? Infinity : value;
}
