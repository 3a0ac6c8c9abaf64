import { readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isErrno } from './errors.ts';
import { isAlive } from './processes.ts';

/**
 * A path beside a file that is going to be written whole or not at all, in the name of this process. What processes
 * that were killed left there of the same file is removed first.
 */
export function draftPath(path: string): string {
  const [directory, base, here] = [dirname(path), basename(path), processPlace()];
  const start = `.${base}.${here}-`;
  for (const name of list(directory)) {
    if (!name.startsWith(start)) continue;
    const [, pid] = /^([0-9]+)\.tmp$/.exec(name.slice(start.length)) ?? [];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(directory, name), { force: true });
  }
  return join(directory, `${start}${process.pid}.tmp`);
}

/** Where ids of processes mean something: this boot of this machine, and the namespace. */
function processPlace(): string {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8);
  return `${boot}-${/[0-9]+/.exec(readlinkSync('/proc/self/ns/pid'))}`;
}

/** A directory that may be written to need not be one that may be read. */
function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isErrno(error, 'EACCES')) return [];
    throw error;
  }
}
