import { lstatSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let known: string | undefined;

/**
 * An empty directory of ours on which every run mounts its own memory file system, in its own mount namespace. It
 * stays empty on disk and may stay for ever; nothing needs cleaning up after a crash.
 */
export function scratchDirectory(): string {
  known ??= candidates().find(isOurs) ?? makeUnknown();
  return known;
}

/** Should others hold all the names there is still one that nobody can know before. It goes with this process. */
function makeUnknown(): string {
  const path = mkdtempSync(join(tmpdir(), 'stagecraft-'));
  process.once('exit', () => {
    try {
      rmdirSync(path);
    } catch {
      // Someone is still using it, or it is gone already.
    }
  });
  return path;
}

function candidates(): string[] {
  const runtime = process.env.XDG_RUNTIME_DIR;
  return [
    ...(runtime?.startsWith('/') ? [join(runtime, 'stagecraft')] : []),
    '/run/stagecraft',
    join(tmpdir(), `stagecraft-${machineUid()}`),
  ];
}

/** This user's id outside of the user namespace, in which everybody is 0: user_namespaces(7), `uid_map`. */
function machineUid(): number {
  const uid = process.getuid!();
  for (const line of readFileSync('/proc/self/uid_map', 'latin1').trim().split('\n')) {
    const [inside, outside, count] = line.trim().split(/\s+/).map(Number) as [number, number, number];
    if (uid >= inside && uid < inside + count) return uid - inside + outside;
  }
  return uid;
}

/** Makes the directory unless it is there; another user's, or a symlink, is not taken. */
function isOurs(path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch {
    // It may be there already; what is there is looked at next.
  }
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isDirectory() === true && stat.uid === process.getuid!();
}
