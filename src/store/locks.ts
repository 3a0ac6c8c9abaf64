import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, self } from './processes.ts';
import type { Store } from './store.ts';

export interface Lock {
  release(): void;
}

/** Milliseconds between two tries for a lock that another process holds. */
const interval = 40;

/**
 * Takes a lock by name, across all processes that share the store, and waits while a living process holds it. The lock
 * of a process that died is taken over. Not reentrant. Rejects with the signal's reason when it fires first.
 */
export async function acquireLock(store: Store, name: string, signal?: AbortSignal): Promise<Lock> {
  for (;;) {
    signal?.throwIfAborted();
    const lock = tryLock(store, name);
    if (lock !== undefined) return lock;
    await sleep(interval, undefined, signal === undefined ? {} : { signal }).catch(error => {
      throw signal?.reason ?? error;
    });
  }
}

/** Forgets the locks of processes that died. Call it inside a transaction. */
export function forgetDeadLocks(store: Store): void {
  const rows = store.prepare('SELECT name, pid, pid_started, boot_id FROM locks').all() as unknown as {
    name: string;
    pid: number;
    pid_started: number;
    boot_id: string;
  }[];
  for (const row of rows)
    if (!isAlive(store, { pid: row.pid, started: row.pid_started, bootId: row.boot_id }))
      store.prepare('DELETE FROM locks WHERE name = ?').run(row.name);
}

/** Takes a lock at once, or nothing if a living process holds it. */
export function tryLock(store: Store, name: string): Lock | undefined {
  const taken = store.transaction(() => {
    const holder = store.prepare('SELECT pid, pid_started, boot_id FROM locks WHERE name = ?').get(name);
    if (holder !== undefined) {
      const { pid, pid_started, boot_id } = holder as { pid: number; pid_started: number; boot_id: string };
      if (isAlive(store, { pid, started: pid_started, bootId: boot_id })) return false;
    }
    const { pid, started, bootId } = self(store);
    store.prepare('INSERT OR REPLACE INTO locks VALUES (?, ?, ?, ?)').run(name, pid, started, bootId);
    return true;
  });
  if (!taken) return undefined;
  return { release: () => void store.prepare('DELETE FROM locks WHERE name = ?').run(name) };
}

/** Runs the body while this process alone holds a name. @throws as {@link acquireLock}, and what the body throws */
export async function holdLock(
  store: Store,
  name: string,
  signal: AbortSignal | undefined,
  body: () => Promise<void>,
): Promise<void> {
  const lock = await acquireLock(store, name, signal);
  try {
    await body();
  } finally {
    lock.release();
  }
}
