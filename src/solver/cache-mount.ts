import { chmodSync, existsSync, lchownSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import type { CacheSharing, GraphVertex, Mount } from '../llb/index.ts';
import type { DigestedTree } from '../source/types.ts';
import { acquireLock, type Lock, tryLock } from '../store/locks.ts';
import type { Store } from '../store/store.ts';
import { bytesFromText } from '../util/bytes.ts';
import { digestHex, digestOf } from '../util/digest.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';
import { copyTree } from './trees.ts';
import type { SolverServices, StepContext } from './types.ts';

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

/** How cache mounts are shared, strictest first. */
export const strictness: readonly CacheSharing[] = ['locked', 'private', 'shared'];

/** A cache mount that steps of a build have, whether they ran or not. */
export interface CacheMountUse {
  /** What the store calls it. */
  readonly name: string;
  /** As the steps call it, with what the build puts before it. */
  readonly id: string;
  /** The strictest way in which they share it. */
  readonly sharing: CacheSharing;
}

/** An id as a Dockerfile has it, unless a build argument puts something before all of them. */
export function titleOfCacheMount(id: string): string {
  return id.replace(/^\//, '');
}

/** The cache mounts of these operations, each once. */
export async function cacheMountsOf(
  vertices: Iterable<GraphVertex>,
  context: Pick<StepContext, 'step'>,
): Promise<CacheMountUse[]> {
  const uses = new Map<string, CacheMountUse>();
  for (const vertex of vertices) {
    if (vertex.op.kind !== 'exec') continue;
    for (const mount of vertex.op.mounts) {
      if (mount.type !== 'cache') continue;
      const { id, sharing } = settingsOf(mount);
      const edge = vertex.inputs[mount.input];
      const key = edge && ((await context.step(edge.digest).evaluate()) ?? '');
      const name = nameOf(id, key, selectorOf(mount));
      const known = uses.get(name)?.sharing ?? sharing;
      const strictest = strictness.find(each => each === known || each === sharing)!;
      uses.set(name, { name, id, sharing: strictest });
    }
  }
  return [...uses.values()];
}

/** What a mount asks for. */
export async function cacheMountRequest(
  vertex: GraphVertex,
  mount: Mount,
  context: Pick<StepContext, 'step'>,
): Promise<CacheMountRequest> {
  const edge = vertex.inputs[mount.input];
  const base = edge === undefined ? undefined : context.step(edge.digest);
  return {
    ...settingsOf(mount),
    selector: selectorOf(mount),
    ...(base !== undefined && {
      base: { key: (await base.evaluate()) ?? '', tree: await base.tree(edge?.index ?? 0) },
    }),
  };
}

function settingsOf(mount: Mount): { id: string; sharing: CacheSharing } {
  return { id: mount.cache?.id || mount.dest, sharing: mount.cache?.sharing ?? 'shared' };
}

/** The path of a mount within its input. */
export function selectorOf(mount: Mount): string {
  return mount.selector === '' ? '/' : mount.selector.startsWith('/') ? mount.selector : `/${mount.selector}`;
}

/**
 * A cache mount of the store, which no other process has for itself until it is released; nothing where it is not.
 * @param beforeRead called before anybody looks into it
 */
export async function readCacheMount(
  { name, sharing }: CacheMountUse,
  store: Store,
  signal: AbortSignal,
  beforeRead: () => void,
): Promise<(Lock & { directory: string }) | undefined> {
  const directory = directoryOf(name);
  if (!existsSync(store.path('mounts', directory))) return undefined;
  beforeRead();
  const lock = sharing === 'shared' ? undefined : await acquireLock(store, lockName(name), signal);
  const release = (): void => lock?.release();
  // From now on no collection takes it; one that came first has taken its row too.
  const { changes } = store
    .prepare('UPDATE cache_mounts SET last_used_at = ? WHERE id = ?')
    .run(Date.now(), name);
  if (Number(changes) > 0 && existsSync(store.path('mounts', directory))) return { directory, release };
  release();
  return undefined;
}

/** What two mounts of one directory have in common. */
export function cacheMountName({ id, base, selector }: CacheMountRequest): string {
  return nameOf(id, base?.key, selector);
}

function nameOf(id: string, baseKey: string | undefined, selector: string): string {
  return baseKey === undefined ? id : `${id} on ${baseKey} ${selector}`;
}

/** Its directory in `mounts/`. */
function directoryOf(name: string): string {
  return digestHex(digestOf(name)).slice(0, 24);
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
  const directory = directoryOf(name);
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
      if (!existsSync(dir)) await make(directory, request, services);
    } finally {
      lock.release();
    }
  }
  return dir;
}

/** Filled beside its place and then renamed, so that it is there whole or not at all. */
async function make(directory: string, request: CacheMountRequest, services: SolverServices): Promise<void> {
  const dir = services.store.path('mounts', directory);
  const draft = `${dir}.new`;
  rmSync(draft, { recursive: true, force: true });
  const mount = { name: cacheMountName(request), title: titleOfCacheMount(request.id), directory, draft };
  const isRestored = await services.restoreMount?.(mount, services.signal);
  if (!isRestored) await begin(draft, request, services);
  renameSync(draft, dir);
}

/** A new cache mount as the operation wants it. */
async function begin(
  draft: string,
  { base, selector }: CacheMountRequest,
  services: SolverServices,
): Promise<void> {
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
}

/** In a user namespace with a single id other owners do not exist. */
function own(path: string, uid: number, gid: number): void {
  try {
    lchownSync(path, uid, gid);
  } catch (error) {
    if (!isErrno(error, 'EPERM', 'EINVAL')) throw error;
  }
}
