import { lstatSync } from 'node:fs';
import { blobsOf } from './blobs.ts';
import { entries } from './entries.ts';
import { oldestLease } from './leases.ts';
import { listOwners, type Owner } from './owners.ts';
import { markReachable } from './reachable.ts';
import { measureItems } from './sizes.ts';
import type { Store } from './store.ts';

/** One kind of thing in the store. Sizes are bytes on disk. */
export interface Usage {
  kind:
    | 'images'
    | 'layers'
    | 'cache mounts'
    | 'packages'
    | 'downloads'
    | 'repositories'
    | 'contexts'
    | 'indexes'
    | 'unfinished'
    | 'metadata';
  count: number;
  size: number;
  /** What `prune` would free now; with `--all` it may be more. */
  reclaimable: number;
}

/** One file or directory of the store. */
export interface UsedItem {
  kind: Usage['kind'];
  /** The name of its file. */
  id: string;
  /** Bytes on disk; of files that layers share, its share. */
  size: number;
  /** Milliseconds since the epoch. */
  lastUsedAt: number;
  /** Images, cached steps and the like that need it; with none of them, and unless a build uses it, `prune` removes it. */
  keptBy: readonly Owner[];
  isReclaimable: boolean;
}

export interface StoreUsage {
  /** These add up to what the store takes on disk. */
  kinds: Usage[];
  items: UsedItem[];
}

const kindsByDirectory: Readonly<Record<string, Usage['kind']>> = {
  'blobs/sha256': 'images',
  layers: 'layers',
  mounts: 'cache mounts',
  packages: 'packages',
  downloads: 'downloads',
  repositories: 'repositories',
  // What is checked out of repositories is theirs.
  checkouts: 'repositories',
  contexts: 'contexts',
  osv: 'indexes',
  ingest: 'unfinished',
};

/** What takes the room, for `stagecraft du`. */
export async function measureStore(store: Store, signal?: AbortSignal): Promise<StoreUsage> {
  const sizes = await measureItems(store, { signal });
  const { marked, inUse, owners } = store.transaction(() => {
    const inUse = oldestLease(store, Number.POSITIVE_INFINITY);
    const blobs = blobsOf(store);
    const marked = markReachable(store, blobs, { usedSince: inUse, untaggedBefore: inUse });
    return { marked, inUse, owners: listOwners(store, true) };
  });
  const keepers = new Map<string, Owner[]>();
  for (const owner of owners)
    for (const part of owner.parts) keepers.set(part, [...(keepers.get(part) ?? []), owner]);
  const items: UsedItem[] = [];
  for (const [path, size] of sizes) {
    if (path === '') continue;
    const cut = path.lastIndexOf('/');
    const [directory, id] = [path.slice(0, cut), path.slice(cut + 1)];
    const keptBy = keepers.get(path) ?? [];
    const stat = lstatSync(store.path(path), { throwIfNoEntry: false });
    const touchedAt = directory === 'layers' ? 0 : (stat?.ctimeMs ?? 0);
    const lastUsedAt = Math.max(
      touchedAt,
      ...keptBy.map(owner => owner.lastUsedAt),
      layerUse(store, path, id),
    );
    const isMarked =
      directory === 'layers'
        ? marked.layers.has(id)
        : directory === 'blobs/sha256'
          ? marked.blobs.has(`sha256:${id}`)
          : keptBy.length > 0 || id === 'known_hosts';
    const isReclaimable = !isMarked && (stat?.ctimeMs ?? 0) < inUse;
    items.push({ kind: kindsByDirectory[directory]!, id, size, lastUsedAt, keptBy, isReclaimable });
  }
  return { kinds: addUp(store, items, sizes.get('') ?? 0, owners), items };
}

function layerUse(store: Store, path: string, id: string): number {
  if (!path.startsWith('layers/')) return 0;
  const row = store.prepare('SELECT last_used_at FROM layers WHERE id = ?').get(id);
  return (row as { last_used_at: number } | undefined)?.last_used_at ?? 0;
}

function addUp(store: Store, items: readonly UsedItem[], rest: number, owners: readonly Owner[]): Usage[] {
  const usages = new Map<Usage['kind'], Usage>();
  for (const kind of Object.values(kindsByDirectory))
    usages.set(kind, { kind, count: 0, size: 0, reclaimable: 0 });
  for (const { kind, id, size, isReclaimable } of items) {
    const usage = usages.get(kind)!;
    if (id !== 'known_hosts') usage.count += 1;
    usage.size += size;
    if (isReclaimable) usage.reclaimable += size;
  }
  usages.get('images')!.count = owners.filter(({ type }) => type === 'image').length;
  usages.get('repositories')!.count = entries(store.path('repositories')).filter(
    name => name !== 'known_hosts',
  ).length;
  return [...usages.values(), { kind: 'metadata', count: 1, size: rest, reclaimable: 0 }];
}
