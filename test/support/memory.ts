import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { Workspace } from './workspace.ts';

/** Where Linux systems have a file system in memory. */
const shared = '/dev/shm';
/** Bytes that must be free there: a tenth of it is what the peers of one file of tests keep. */
const enough = 2 ** 30;

/**
 * A directory for the storage of a peer: in memory where there is room, as Docker and Buildah wait for the disk after
 * each step, which took half the time of their tests. It is removed with the workspace.
 */
export function peerStorage(work: Workspace, name: string): string {
  if (!hasRoom()) return work.path(name);
  const directory = mkdtempSync(join(shared, `stagecraft-${name}-`));
  work.atEnd(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function hasRoom(): boolean {
  try {
    const { bavail, bsize } = statfsSync(shared);
    return bavail * bsize >= enough;
  } catch {
    return false;
  }
}
