import type { ImportedCache } from '../cache/imported.ts';
import type { CacheExport, CacheImport } from '../cache/options.ts';
import { familiarName, formatReference } from '../image/reference.ts';
import type { RegistryAccess } from './registries.ts';

/**
 * Reads what a shared cache knows: of some places the caches of several builds.
 * @throws StagecraftError `not-found`, `integrity`, `io`
 */
export async function readSharedCache(
  from: CacheImport,
  registries: RegistryAccess,
  signal: AbortSignal,
): Promise<ImportedCache[]> {
  if (from.type === 's3') {
    const { readS3Cache } = await import('../cache/places/s3.ts');
    return [await readS3Cache(from, signal)];
  }
  if (from.type === 'gha') {
    const { readGithubCache } = await import('../cache/places/github.ts');
    return readGithubCache(from, signal);
  }
  const { readCache } = await import('../cache/manifest.ts');
  if (from.type === 'local') {
    const { directorySource } = await import('../cache/places/directory.ts');
    return readCache(directorySource(from.src, from.tag, from.digest));
  }
  const { registrySource } = await import('../cache/places/registry.ts');
  return readCache(registrySource({ ...from, registries: await registries.open() }));
}

/** How to read what is in the place that a cache is written to. */
export function importOf(to: Exclude<CacheExport, { type: 'inline' }>): CacheImport {
  return to.type === 'local'
    ? { type: 'local', mounts: true, src: to.dest, tag: to.tag }
    : { ...to, mounts: true };
}

export function nameOfCache(from: CacheImport): string {
  if (from.type === 's3') return `s3:${from.bucket}/${from.names[0]}`;
  if (from.type === 'gha') return `gha:${from.scope}`;
  if (from.type === 'local') return `${from.src}:${from.tag}`;
  return familiarName(formatReference(from.reference));
}
