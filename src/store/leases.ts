import { isAlive, self } from './processes.ts';
import type { Store } from './store.ts';

/**
 * Says that this process uses the store. Whoever uses a layer, a blob or a record sets its `last_used_at` (a blob's
 * mtime) first, in the transaction that found it. Collection removes nothing that was used since the oldest living
 * lease began ({@link oldestLease}), so it never takes what a running build stands on, and a lease of a process that
 * died, by whatever signal, no longer counts.
 */
export function takeLease(store: Store): { release(): void } {
  const { pid, started, bootId } = self(store);
  const { id } = store
    .prepare(
      'INSERT INTO leases (pid, pid_started, boot_id, started_at, monotonic) VALUES (?, ?, ?, ?, ?) RETURNING id',
    )
    .get(pid, started, bootId, Date.now(), monotonicTime()) as { id: number };
  return { release: () => void store.prepare('DELETE FROM leases WHERE id = ?').run(id) };
}

/**
 * When the oldest living lease began, in milliseconds since the epoch; now, where there is none. Forgets dead leases.
 * Call it inside the transaction that then deletes rows. Where the clock was set back meanwhile, this is the time that
 * it would have shown then, as what was used since may have been marked by either.
 */
export function oldestLease(store: Store, none: number = Date.now()): number {
  const rows = store
    .prepare('SELECT id, pid, pid_started, boot_id, started_at, monotonic FROM leases')
    .all() as unknown as {
    id: number;
    pid: number;
    pid_started: number;
    boot_id: string;
    started_at: number;
    monotonic: number | null;
  }[];
  const [now, elapsed] = [Date.now(), monotonicTime()];
  let oldest = none;
  for (const row of rows) {
    if (isAlive(store, { pid: row.pid, started: row.pid_started, bootId: row.boot_id }))
      oldest = Math.min(oldest, row.started_at, now - (elapsed - (row.monotonic ?? elapsed)));
    else store.prepare('DELETE FROM leases WHERE id = ?').run(row.id);
  }
  return oldest;
}

/** Milliseconds on a clock that all processes of this boot share and nobody sets: CLOCK_MONOTONIC, clock_gettime(2). */
function monotonicTime(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}
