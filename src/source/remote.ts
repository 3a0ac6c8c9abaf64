import { mkdirSync, utimesSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Store } from '../store/store.ts';
import { isErrno } from '../util/errors.ts';

/** What fetching over the network works with, made once for a build. */
export interface RemoteServices {
  readonly store: Store;
  /** When the build began, in milliseconds since the epoch: what was asked since then is not asked again. */
  readonly since: number;
  /** Secrets and agents that the user lends the build. */
  readonly lent: {
    /** Nothing when there is no such secret. */
    secret(id: string): Promise<Uint8Array | undefined>;
    /** Answers connections to an SSH agent; nothing when there is no such agent. */
    sshAgent(id: string): Promise<((connection: Socket) => void) | undefined>;
  };
  /** Proxies, trusted authorities, the search path for programs. */
  readonly env: NodeJS.ProcessEnv;
}

export interface RemoteProgress {
  /** Tells how far a part of the work is; `total` in the same unit. */
  status(id: string, current: number, total?: number): void;
  readonly signal: AbortSignal;
}

/**
 * Says that somebody counts on a file or directory of the store, so that collection spares it for as long as a lease
 * taken before is held; false where it is absent.
 */
export function usePlace(store: Store, path: string): boolean {
  const now = Date.now() / 1000;
  const touch = (): void => utimesSync(path, now, now);
  try {
    if (store.db.isTransaction) touch();
    else store.transaction(touch);
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return false;
    throw error;
  }
}

/** The path of something in a directory of the store that older stores may lack, for this user's eyes only. */
export function placeIn(store: Store, directory: string, ...parts: string[]): string {
  mkdirSync(store.path(directory), { recursive: true, mode: 0o700 });
  return store.path(directory, ...parts);
}
