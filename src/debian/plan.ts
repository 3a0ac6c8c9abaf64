import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { ingestPath } from '../content/ingest.ts';
import type { Store } from '../store/store.ts';
import { digestHex, digestOf } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { type Archive, publicAddress } from './archive.ts';
import { decompress } from './decompress.ts';
import { fetchVerified } from './download.ts';
import type { Fetcher } from './fetcher.ts';
import { type Flavour, isLeftOut, rootsOf } from './flavour.ts';
import { loadKeys } from './keyring.ts';
import { PackageIndex, readPackages } from './packages.ts';
import { fetchRelease, type Release } from './release.ts';
import { resolvePackages, type Selection } from './resolve.ts';
import type { Step } from './steps.ts';

/** Changes when the same release files could lead to another selection. */
const selectionFormat = 1;

/**
 * Fetches and verifies the release files. The first archive must be there; guesses may be missing; and an archive of
 * somebody else under the same suite name (a vendor's own repository) does not belong to a base image.
 */
export async function fetchReleases(
  fetcher: Fetcher,
  archives: readonly Archive[],
  aptDir: string,
  step: Step,
): Promise<Release[]> {
  const found = await Promise.all(
    archives.map(async archive => {
      try {
        return await fetchRelease(fetcher, archive, await loadKeys(archive.signedBy, aptDir));
      } catch (error) {
        if (!(archive.optional && error instanceof StagecraftError && error.code === 'not-found'))
          throw error;
        step.log(`${publicAddress(archive.uri)} has no ${archive.suite}\n`);
        return undefined;
      }
    }),
  );
  const releases: Release[] = [];
  for (const release of found) {
    if (!release) continue;
    const { archive, date, origin } = release;
    const name = `${archive.suite} at ${publicAddress(archive.uri)}`;
    if (releases.length > 0 && origin !== releases[0]!.origin)
      step.log(`leaving out ${name}, which is of ${origin}\n`);
    else {
      releases.push(release);
      step.log(`${name} of ${date.toISOString()}\n`);
    }
  }
  return releases;
}

export interface SelectionRequest {
  readonly flavour: Flavour;
  readonly include: readonly string[];
  readonly architecture: string;
}

/** Chooses the packages, or takes the choice made before from the same release files. */
export async function selectPackages(
  fetcher: Fetcher,
  store: Store,
  releases: readonly Release[],
  request: SelectionRequest,
  step: Step,
  signal?: AbortSignal,
): Promise<Selection & { known: boolean }> {
  const usesHttps = releases.some(({ archive }) => archive.uri.startsWith('https:'));
  const inputs = releases.map(({ archive, digest }) => [
    publicAddress(archive.uri),
    archive.components,
    digest,
  ]);
  const key = digestOf(JSON.stringify([selectionFormat, inputs, request, usesHttps]));
  const file = store.path('packages', `selection-${digestHex(key)}.json`);
  if (existsSync(file)) return { ...(JSON.parse(readFileSync(file, 'utf8')) as Selection), known: true };

  const index = new PackageIndex();
  for (const [number, release] of releases.entries())
    await readIndices(fetcher, store, release, number, request.architecture, index, step, signal);
  const roots = rootsOf(request.flavour, request.include, index, usesHttps);
  const selection = resolvePackages(
    roots,
    index,
    request.flavour === 'minimal' ? { leaveOut: isLeftOut } : {},
  );
  const draft = ingestPath(store.root, 'selection');
  await writeFile(draft, JSON.stringify(selection));
  await rename(draft, file);
  return { ...selection, known: false };
}

/** Fetches the indices of one archive by their digests, and reads them. */
async function readIndices(
  fetcher: Fetcher,
  store: Store,
  release: Release,
  number: number,
  architecture: string,
  index: PackageIndex,
  step: Step,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { archive } = release;
  for (const component of archive.components) {
    const path = `${component}/binary-${architecture}/Packages`;
    const compression = (['.xz', '.gz', ''] as const).find(each => release.files.has(path + each));
    if (compression === undefined)
      throw new StagecraftError(
        'not-found',
        `${archive.suite} at ${publicAddress(archive.uri)} has no component ${component} for ${architecture}.`,
        { hint: `Its architectures are ${release.architectures.join(', ') || 'not listed'}.` },
      );
    const { digest, size } = release.files.get(path + compression)!;
    const directory = `${archive.uri}/dists/${archive.suite}/${component}/binary-${architecture}`;
    const address = release.byHash
      ? `${directory}/by-hash/SHA256/${digestHex(digest)}`
      : `${directory}/Packages${compression}`;
    const place = store.path('packages', `index-${digestHex(digest)}${compression}`);
    const name = `${archive.suite}/${component}`;
    await fetchVerified(fetcher, { address, digest, size }, place, store.root, done =>
      step.measure(name, done, size),
    );
    const input = createReadStream(place, { highWaterMark: 1 << 18 });
    await readPackages(decompress(input, compression), number, architecture, index, signal);
  }
}
