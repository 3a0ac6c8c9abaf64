import { isAlive } from '../util/processes.ts';

/** A name for something of this process that a crash would leave behind. */
export function ownName(prefix: string): string {
  return `${prefix}-${process.pid}-${count++}`;
}

let count = 0;

/** True for a name that {@link ownName} made in a process that is no more. */
export function isLeftover(name: string, prefix: string): boolean {
  const [, pid] = new RegExp(`^${prefix}-(\\d+)-\\d+$`).exec(name) ?? [];
  return pid !== undefined && !isAlive(Number(pid));
}
