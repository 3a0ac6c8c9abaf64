import { chmodSync, existsSync, lchownSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import type { CacheSharing } from '../llb/index.ts';
import type { DigestedTree } from '../source/types.ts';
import { acquireLock, type Lock, tryLock } from '../store/locks.ts';
import { bytesFromText } from '../util/bytes.ts';
import { digestHex, digestOf } from '../util/digest.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';
import { copyTree } from './trees.ts';
import type { SolverServices } from './types.ts';

export interface CacheMountRequest {
  id: string;
  sharing: CacheSharing;
  /** What the directory holds when it is new: this path of that tree. Without it: nothing. */
  base?: { key: string; tree: DigestedTree };
  selector: string;
}

/** The directory of a `RUN --mount=type=cache`. Release it when the process has ended. */
export interface CacheMount extends Lock {
  dir: string;
}

/**
 * Finds or makes the directory. `locked` waits until no other process uses it, `private` takes another one instead,
 * `shared` lets all use it at once.
 */
export async function openCacheMount(
  request: CacheMountRequest,
  services: SolverServices,
): Promise<CacheMount> {
  const { sharing } = request;
  const name = cacheMountName(request);
  if (sharing === 'shared') return { dir: await findOrMake(name, request, services), release: () => {} };
  if (sharing === 'locked') {
    const lock = await acquireLock(services.store, lockName(name), services.signal);
    return { dir: await findOrMake(name, request, services), release: () => lock.release() };
  }
  for (let copy = 0; ; copy++) {
    const own = copy === 0 ? name : `${name} copy ${copy}`;
    const lock = tryLock(services.store, lockName(own));
    if (lock !== undefined)
      return { dir: await findOrMake(own, request, services), release: () => lock.release() };
  }
}

/** What two mounts of one directory have in common. */
export function cacheMountName({ id, base, selector }: CacheMountRequest): string {
  return base === undefined ? id : `${id} on ${base.key} ${selector}`;
}

function lockName(name: string): string {
  return `cache mount ${name}`;
}

async function findOrMake(
  name: string,
  request: CacheMountRequest,
  services: SolverServices,
): Promise<string> {
  const { store, signal } = services;
  const directory = digestHex(digestOf(name)).slice(0, 24);
  const dir = store.path('mounts', directory);
  // Before the look at the directory: from now on no collection takes it.
  const now = Date.now();
  store
    .prepare(
      `INSERT INTO cache_mounts VALUES (?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET last_used_at = excluded.last_used_at`,
    )
    .run(name, directory, now, now);
  if (!existsSync(dir)) {
    const lock = await acquireLock(store, `make ${lockName(name)}`, signal);
    try {
      if (!existsSync(dir)) await make(dir, request, services);
    } finally {
      lock.release();
    }
  }
  return dir;
}

/** Filled beside its place and then renamed, so that it is there whole or not at all. */
async function make(
  dir: string,
  { base, selector }: CacheMountRequest,
  services: SolverServices,
): Promise<void> {
  const draft = `${dir}.new`;
  rmSync(draft, { recursive: true, force: true });
  const path = base?.tree.resolve(bytesFromText(selector)) ?? '/';
  const entry = base?.tree.lstat(path);
  if (path !== '/' && entry?.type !== 'directory')
    throw new StagecraftError(
      'not-found',
      `There is no directory ${selector} for a cache mount to begin with.`,
      { hint: 'It is looked for in the stage or image that the mount names with from=.' },
    );
  if (base !== undefined && entry !== undefined && base.tree.list(path).length > 0) {
    // The mount is written to, so nothing in it may be a file of a layer.
    const { rootFs } = await copyTree(base.tree, path, '/', { ...services, unshared: true });
    const [layer] = rootFs;
    if (layer !== undefined) {
      renameSync(services.layers.dir(layer), draft);
      services.layers.remove(layer);
    }
  }
  if (!existsSync(draft)) mkdirSync(draft);
  chmodSync(draft, entry?.mode ?? 0o755);
  if (entry !== undefined) own(draft, entry.uid, entry.gid);
  renameSync(draft, dir);
}

/** In a user namespace with a single id other owners do not exist. */
function own(path: string, uid: number, gid: number): void {
  try {
    lchownSync(path, uid, gid);
  } catch (error) {
    if (!isErrno(error, 'EPERM', 'EINVAL')) throw error;
  }
}
