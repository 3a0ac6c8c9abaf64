import { readFileSync } from 'node:fs';
import type { Surroundings } from './config.ts';
import { readMounts } from './mountinfo.ts';

let known: Surroundings | undefined;

/** What this process's place on the machine allows. */
export function surroundings(): Surroundings {
  known ??= lookAround();
  return known;
}

function lookAround(): Surroundings {
  const uids = readIdMap('/proc/self/uid_map');
  const gids = readIdMap('/proc/self/gid_map');
  return {
    // The machine's own map: all ids, unchanged.
    inUserNamespace: uids.length !== 1 || uids[0]!.count !== 0xffffffff,
    singleId: uids.reduce((sum, { count }) => sum + count, 0) === 1,
    hasUser: uid => covers(uids, uid),
    hasGroup: gid => covers(gids, gid),
    cgroups: cgroupMode(),
  };
}

function cgroupMode(): Surroundings['cgroups'] {
  const versions = new Set(cgroupMounts().map(({ version }) => version));
  if (versions.size === 0) return 'none';
  if (versions.size === 2) return 'hybrid';
  return versions.has(2) ? 'v2' : 'v1';
}

/** One hierarchy of control groups. */
export interface CgroupMount {
  readonly target: string;
  readonly version: 1 | 2;
  /** True if it can limit what people limit: memory, processor time, processes. */
  readonly limits: boolean;
}

/** Where control groups are mounted, in the order of the mounts. */
export function cgroupMounts(): CgroupMount[] {
  const found = readMounts().filter(({ type }) => type === 'cgroup' || type === 'cgroup2');
  const alone = found.every(({ type }) => type === 'cgroup2');
  return found.map(({ target, type, options }) => {
    const limiting = options.some(each => ['memory', 'cpu', 'cpuacct', 'pids', 'blkio'].includes(each));
    return type === 'cgroup2'
      ? { target, version: 2, limits: alone }
      : { target, version: 1, limits: limiting };
  });
}

interface IdRange {
  readonly inside: number;
  readonly count: number;
}

/** The ids inside of a user namespace: user_namespaces(7). */
function readIdMap(path: string): IdRange[] {
  return readFileSync(path, 'latin1')
    .trim()
    .split('\n')
    .map(line => {
      const [inside, , count] = line.trim().split(/\s+/).map(Number);
      return { inside: inside!, count: count! };
    });
}

function covers(ranges: readonly IdRange[], id: number): boolean {
  return ranges.some(({ inside, count }) => id >= inside && id < inside + count);
}
