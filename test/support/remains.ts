import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * What is left of builds in a store: processes that have a mark in their environment or arguments, or that see a mount of
 * the store's files. Each is a line for a person.
 */
export function findRemains(store: string, mark: string): string[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap(pid => {
      const command = readProc(pid, 'cmdline').replaceAll('\0', ' ').trim();
      if (command === '') return [];
      const marked =
        `${readProc(pid, 'environ')}\0${command}`.includes(mark) || linkOf(pid, 'cwd').startsWith(store);
      const mounts = readProc(pid, 'mountinfo').split('\n');
      const mounted = mounts.filter(line => line.includes(store) || line.includes(mark));
      return marked || mounted.length > 0 ? [`${pid}: ${command} ${mounted.join(' | ')}`] : [];
    });
}

/** Waits for the kernel to take away what died; at most ten seconds, and then tells what is left. */
export async function awaitNoRemains(store: string, mark: string): Promise<string[]> {
  for (let tries = 0; ; tries++) {
    const remains = findRemains(store, mark);
    if (remains.length === 0 || tries === 100) return remains;
    await sleep(100);
  }
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(join('/proc', pid, file), 'latin1');
  } catch {
    // It ended meanwhile, or belongs to somebody else.
    return '';
  }
}

function linkOf(pid: string, file: string): string {
  try {
    return readlinkSync(join('/proc', pid, file));
  } catch {
    return '';
  }
}
