import type { CacheRecords } from '../cache/records.ts';
import type { ImageConfig } from '../image/types.ts';
import type { ProgressSink } from '../progress/types.ts';
import type { Sandbox } from '../sandbox/types.ts';
import { ownership } from '../snapshot/ownership.ts';
import type { LayerId, LayerStore, RootFs } from '../snapshot/types.ts';
import { acquireLock } from '../store/locks.ts';
import type { Store } from '../store/store.ts';
import { type Digest, digestOf } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { readAptConfig } from './apt-config.ts';
import { type AptSetup, describeSources } from './apt-setup.ts';
import { type Architecture, findArchitecture, hostArchitecture } from './architecture.ts';
import { findArchives } from './archive.ts';
import { readCredentials } from './credentials.ts';
import { createFetcher, type Fetcher } from './fetcher.ts';
import type { Flavour } from './flavour.ts';
import { buildLayer } from './layer.ts';
import { certificateBundle } from './minimal.ts';
import type { BinaryPackage } from './packages.ts';
import { fetchReleases, selectPackages } from './plan.ts';
import { fetchPackages, missingPackages, type PooledPackage, pooledPackages, touchPackages } from './pool.ts';
import type { Release } from './release.ts';
import { runStep } from './steps.ts';

export interface BaseRequest {
  /** `bookworm`, `stable`, ... */
  readonly suite: string;
  readonly flavour: Flavour;
  /** Further packages: `NAME` or `NAME=VERSION`. */
  readonly include: readonly string[];
  /** Address of a mirror; else what the machine's apt is told. */
  readonly mirror?: string | undefined;
  /** Debian's name or an image platform's; else the machine's. */
  readonly architecture?: string | undefined;
  /** Of the archives; `main` where none is given. */
  readonly components?: readonly string[] | undefined;
  /** Key ring files that count instead of those that apt trusts. */
  readonly keyrings?: readonly string[] | undefined;
  /** Seconds since the epoch: no time in the image is later. Else the time of the newest package. */
  readonly sourceDateEpoch?: number | undefined;
}

export interface BaseServices {
  readonly store: Store;
  readonly layers: LayerStore;
  readonly records: CacheRecords;
  /**
   * Called before anything is fetched or shown: the moment to enter a user namespace, as the process that comes out of
   * it starts anew.
   */
  readonly beforeWork?: () => void;
  /** Called only where something has to run: in a full image that is not there yet. */
  readonly sandbox: () => Promise<Sandbox>;
  readonly progress: ProgressSink;
  readonly signal?: AbortSignal | undefined;
  /** Where apt's configuration lies: `/etc/apt`. */
  readonly aptDir?: string;
  readonly env?: NodeJS.ProcessEnv;
}

export interface BaseResult {
  /** One layer. */
  readonly rootfs: RootFs;
  /** Complete but for `rootfs.diff_ids`, which an exporter knows. */
  readonly config: ImageConfig;
  readonly created: Date;
  readonly packages: readonly { name: string; version: string; architecture: string }[];
  /** True when the layer was there already. */
  readonly cached: boolean;
}

/** Changes when the same packages are made into another layer. */
const layerFormat = 1;

/**
 * Assembles a base image from a Debian archive. Everything is verified before it is used: the release file by its
 * signature, the indices by the release file, the packages by the indices. The same packages give the same layer.
 * What makes a layer must run as root or in a user namespace ({@link BaseServices.beforeWork}).
 * @throws StagecraftError `integrity` where a signature, digest or date is not right; `not-found` for a missing
 *   mirror, suite, package or dependency; `io` when a mirror cannot be reached; `build` when a package's script failed;
 *   `unsupported` for a full image whose programs cannot run or whose owners cannot be had here
 */
export async function assembleBase(request: BaseRequest, services: BaseServices): Promise<BaseResult> {
  const aptDir = services.aptDir ?? '/etc/apt';
  const aptConfig = readAptConfig(aptDir);
  const fetcher = createFetcher({
    config: aptConfig,
    credentials: readCredentials(aptDir),
    env: services.env ?? process.env,
    signal: services.signal,
  });
  try {
    return await assemble(checkRequest(request), services, fetcher, aptDir, aptConfig);
  } finally {
    fetcher.close();
  }
}

function checkRequest(request: BaseRequest): BaseRequest {
  if (!/^[a-z][a-z0-9.+/-]*$/.test(request.suite))
    throw new StagecraftError('usage', `"${request.suite}" is not the name of a suite, such as bookworm.`);
  for (const name of request.include)
    if (!/^[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+~:-]+)?$/.test(name))
      throw new StagecraftError('usage', `"${name}" is not the name of a package.`);
  return { ...request, include: [...new Set(request.include)].sort() };
}

async function assemble(
  request: BaseRequest,
  services: BaseServices,
  fetcher: Fetcher,
  aptDir: string,
  aptConfig: ReturnType<typeof readAptConfig>,
): Promise<BaseResult> {
  const { store, layers, records, progress, signal } = services;
  const { flavour, suite } = request;
  const architecture = findArchitecture(request.architecture ?? hostArchitecture());
  services.beforeWork?.();
  if (flavour === 'full') {
    await requireScripts(architecture, store);
    requireOwners();
  }
  const archives = findArchives(
    {
      suite,
      mirror: request.mirror,
      components: request.components ?? ['main'],
      architecture: architecture.name,
      keyrings: request.keyrings ?? [],
    },
    aptDir,
    aptConfig,
  );
  const releases = await runStep(progress, `[base] verify release files of ${suite}`, step =>
    fetchReleases(fetcher, archives, aptDir, step),
  );
  const selection = await runStep(
    progress,
    `[base] resolve packages of ${suite} for ${architecture.name}`,
    async step => {
      const wanted = { flavour, include: request.include, architecture: architecture.name };
      const selected = await selectPackages(fetcher, store, releases, wanted, step, signal);
      step.log(`${selected.packages.map(entry => `${entry.name} ${entry.version}`).join('\n')}\n`);
      if (selected.leftOut.length > 0) step.log(`left out: ${selected.leftOut.join(', ')}\n`);
      return selected;
    },
    ({ known }) => known,
  );

  const setup = describeSources(releases);
  const key = layerKey(request, architecture.name, selection.packages, setup);
  const find = () => records.find(key)?.outputs[0]?.[0];
  const pool = pooledPackages(store, selection.packages);
  let layer = find();
  const cached = layer !== undefined;
  if (cached)
    await runStep(progress, `[base] make a layer of ${pool.length} packages`, async () => true, Boolean);
  else {
    const lock = await acquireLock(store, `base ${key}`, signal);
    try {
      layer = find();
      if (layer === undefined) {
        const started = performance.now();
        await fetchMissing(services, fetcher, pool, releases);
        const sandbox = flavour === 'full' ? await services.sandbox() : undefined;
        const spec = { store, layers, architecture, pool, setup, sandbox, signal, ...epoch(request) };
        layer = await buildLayer(spec, progress);
        const durationMs = performance.now() - started;
        records.save([key], { canonical: key, outputs: [[layer]], description: `base ${suite}`, durationMs });
      }
    } finally {
      lock.release();
    }
  }
  return describeResult(layers, layer!, request, architecture, selection.packages, cached);
}

/** The maintainer scripts of a full image must run here. @throws StagecraftError `unsupported` */
async function requireScripts({ name, platform }: Architecture, store: Store): Promise<void> {
  const { cannotRun, runsHere } = await import('../sandbox/emulation.ts');
  if (await runsHere(platform.architecture, store.path('ingest'))) return;
  const { message, hint } = cannotRun(`A full image of Debian's ${name}`, platform.architecture);
  throw new StagecraftError('unsupported', message, {
    hint: `${hint}\nWith --minimal nothing of the image is run.`,
  });
}

/** dpkg gives files to other owners than root, and fails where it cannot. */
function requireOwners(): void {
  if (ownership().kind !== 'single') return;
  throw new StagecraftError(
    'unsupported',
    'A full base image has files of several owners, and this user can give files to nobody else.',
    {
      hint: 'Give the user subordinate ids (/etc/subuid, /etc/subgid; Debian: uidmap), run as root, or use --minimal.',
    },
  );
}

const epoch = ({ sourceDateEpoch }: BaseRequest) =>
  sourceDateEpoch === undefined ? {} : { sourceDateEpoch };

/** What decides about the content of the layer. */
function layerKey(
  request: BaseRequest,
  architecture: string,
  packages: readonly BinaryPackage[],
  setup: AptSetup,
): Digest {
  const digests = packages.map(entry => entry.digest);
  const { flavour, sourceDateEpoch = null } = request;
  const apt = flavour === 'full' ? [setup.sources, ...setup.keyrings] : [];
  return digestOf(
    JSON.stringify(['base', layerFormat, flavour, architecture, digests, apt, sourceDateEpoch]),
  );
}

async function fetchMissing(
  { store, progress }: BaseServices,
  fetcher: Fetcher,
  pool: readonly PooledPackage[],
  releases: readonly Release[],
): Promise<void> {
  const missing = missingPackages(pool);
  await touchPackages(pool.filter(each => !missing.includes(each)));
  if (missing.length === 0) return;
  const archives = releases.map(({ archive }) => archive);
  await runStep(progress, `[base] fetch ${missing.length} packages`, step =>
    fetchPackages(fetcher, store, archives, missing, step),
  );
}

const searchPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function describeResult(
  layers: LayerStore,
  layer: LayerId,
  { suite, flavour, include }: BaseRequest,
  { platform }: Architecture,
  packages: readonly BinaryPackage[],
  cached: boolean,
): BaseResult {
  const tree = layers.view([layer]);
  // The root directory carries the time of the image.
  const created = new Date(Number(tree.lstat('/')!.mtimeNs / 1_000_000n));
  const time = created.toISOString().replace('.000Z', 'Z');
  const words = ['stagecraft base --suite', suite];
  if (flavour === 'minimal') words.push('--minimal');
  if (include.length > 0) words.push('--include', include.join(','));
  const hasBundle = tree.lstat(certificateBundle) !== undefined;
  return {
    rootfs: [layer],
    config: {
      created: time,
      ...platform,
      config:
        flavour === 'full'
          ? { Env: [searchPath], Cmd: ['bash'] }
          : {
              Env: hasBundle ? [searchPath, `SSL_CERT_FILE=${certificateBundle}`] : [searchPath],
              WorkingDir: '/',
            },
      rootfs: { type: 'layers', diff_ids: [] },
      history: [{ created: time, created_by: words.join(' ') }],
    },
    created,
    packages: packages.map(({ name, version, architecture }) => ({ name, version, architecture })),
    cached,
  };
}
