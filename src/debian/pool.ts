import { existsSync } from 'node:fs';
import { utimes } from 'node:fs/promises';
import type { Store } from '../store/store.ts';
import { digestHex } from '../util/digest.ts';
import type { Archive } from './archive.ts';
import { fetchVerified } from './download.ts';
import type { Fetcher } from './fetcher.ts';
import type { BinaryPackage } from './packages.ts';
import type { Step } from './steps.ts';

/** A package file of the store. */
export interface PooledPackage {
  readonly package: BinaryPackage;
  /** `NAME_VERSION_ARCHITECTURE.deb`. */
  readonly plainName: string;
  readonly path: string;
}

/** Files that are fetched at the same time. */
const parallel = 6;

/** Where packages lie in the store: with their digests in their names, so that a file of a name never changes. */
export function pooledPackages(store: Store, packages: readonly BinaryPackage[]): PooledPackage[] {
  return packages.map(entry => {
    const version = entry.version.replace(/[^A-Za-z0-9.+~-]/g, encodeURIComponent);
    const name = `${entry.name}_${version}_${entry.architecture}`;
    const path = store.path('packages', `${name}.${digestHex(entry.digest)}.deb`);
    return { package: entry, plainName: `${name}.deb`, path };
  });
}

/** Those that the store does not have yet. */
export function missingPackages(pooled: readonly PooledPackage[]): PooledPackage[] {
  return pooled.filter(({ path }) => !existsSync(path));
}

/** Fetches packages into the store, several at once, each verified by its digest before it gets its name. */
export async function fetchPackages(
  fetcher: Fetcher,
  store: Store,
  archives: readonly Archive[],
  missing: readonly PooledPackage[],
  step: Step,
): Promise<void> {
  const total = missing.reduce((sum, { package: { size } }) => sum + size, 0);
  const queue = [...missing].sort((a, b) => b.package.size - a.package.size);
  const progress = new Map<PooledPackage, number>();
  let done = 0;
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const { package: entry, path } = next;
      const address = `${archives[entry.archive]!.uri}/${entry.filename.split('/').map(encodePart).join('/')}`;
      const pooled = next;
      await fetchVerified(
        fetcher,
        { address, digest: entry.digest, size: entry.size },
        path,
        store.root,
        bytes => {
          done += bytes - (progress.get(pooled) ?? 0);
          progress.set(pooled, bytes);
          step.measure('packages', done, total);
        },
      );
    }
  };
  const stop = (error: unknown) => {
    queue.length = 0;
    throw error;
  };
  const workers = await Promise.allSettled(Array.from({ length: parallel }, () => worker().catch(stop)));
  const failed = workers.find(result => result.status === 'rejected');
  if (failed) throw failed.reason;
}

/** Marks packages as used now, for a collection that removes the ones not used for long. */
export async function touchPackages(pooled: readonly PooledPackage[]): Promise<void> {
  const now = new Date();
  for (const { path } of pooled) await utimes(path, now, now);
}

const encodePart = (part: string) => encodeURIComponent(part).replaceAll('%2B', '+').replaceAll('%3A', '%3a');
