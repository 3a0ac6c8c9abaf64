import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isErrno } from '../util/errors.ts';
import type { Store } from './store.ts';

/** Names one process for ever: ids are used again, but not with the same start time in the same boot. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks since boot: proc(5), field 22 of `stat`. */
  started: number;
  /** The boot and, after a `-`, the process namespace (its inode) in which the id means something. */
  bootId: string;
}

type Place = Pick<Store, 'path'>;

let own: ProcessIdentity | undefined;
/** By its path each file that says that this process lives. */
const held = new Map<string, DatabaseSync>();

/**
 * This process, as others know it who share the store. From now on they can tell that it lives: in its own process
 * namespace by its id, and in others, such as other containers, by a file that it keeps locked. The kernel gives that
 * lock back however the process ends. It is SQLite's lock, as Node.js has no other.
 */
export function self(store: Place): ProcessIdentity {
  own ??= identify();
  const file = presenceFile(store, own);
  if (!held.has(file) || !existsSync(file)) announce(file);
  return own;
}

/** True while that very process lives. */
export function isAlive(store: Place, identity: ProcessIdentity): boolean {
  if (identity.bootId === currentNamespace()) return startOf(identity.pid) === identity.started;
  return bootOf(identity.bootId) === currentBoot() && isLocked(presenceFile(store, identity));
}

/** Removes the files of processes that were killed. */
export function sweepPresence(store: Place): void {
  const directory = store.path('present');
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) {
    const identity = parseIdentity(name);
    if (identity !== undefined && !isAlive(store, identity))
      rmSync(store.path('present', name), { force: true });
  }
}

/** For names of files; {@link parseIdentity} reads it. */
export function formatIdentity({ bootId, pid, started }: ProcessIdentity): string {
  return `${bootId}.${pid}.${started}`;
}

export function parseIdentity(text: string): ProcessIdentity | undefined {
  const [, bootId, pid, started] = /^([0-9a-f-]+)\.([0-9]+)\.([0-9]+)$/.exec(text) ?? [];
  return bootId === undefined ? undefined : { bootId, pid: Number(pid), started: Number(started) };
}

function presenceFile(store: Place, identity: ProcessIdentity): string {
  return store.path('present', formatIdentity(identity));
}

function announce(file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const database = new DatabaseSync(file);
  // Nothing is ever written, so that no journal is needed on disk.
  database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE;');
  if (held.size === 0) process.once('exit', withdraw);
  held.set(file, database);
}

function withdraw(): void {
  for (const [file, database] of held) {
    database.close();
    rmSync(file, { force: true });
  }
}

function isLocked(file: string): boolean {
  if (!existsSync(file)) return false;
  try {
    const database = new DatabaseSync(file, { readOnly: true, timeout: 0 });
    try {
      database.prepare('SELECT count(*) FROM sqlite_schema').get();
      return false;
    } finally {
      database.close();
    }
  } catch {
    // Busy: somebody holds it. Gone: its process ended in this moment. Else it cannot be told, and waiting harms least.
    return existsSync(file);
  }
}

/** Asks /proc, which may show the process under another id than the process has for itself. */
function identify(): ProcessIdentity {
  const [pid] = readFileSync('/proc/self/stat', 'latin1').split(' ', 1);
  return { pid: Number(pid), started: startOf('self') ?? 0, bootId: currentNamespace() };
}

let namespace: string | undefined;

function currentNamespace(): string {
  namespace ??= `${currentBoot()}-${/\d+/.exec(readlinkSync('/proc/self/ns/pid'))}`;
  return namespace;
}

let boot: string | undefined;

function currentBoot(): string {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return boot;
}

function bootOf(bootId: string): string {
  return bootId.slice(0, bootId.lastIndexOf('-'));
}

function startOf(pid: number | 'self'): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESRCH')) return undefined;
    throw error;
  }
}
