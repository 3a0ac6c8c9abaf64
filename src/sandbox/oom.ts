import { readFileSync } from 'node:fs';

/** How many processes the kernel's out-of-memory killer ended since the machine started. */
export function oomKills(): number {
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync('/proc/vmstat', 'latin1'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
