import { CacheRecords } from '../cache/records.ts';
import { findArchitecture, hostArchitecture } from '../debian/architecture.ts';
import { assembleBase, type BaseRequest, type BaseResult } from '../debian/assemble.ts';
import { checkOutputs } from '../exporter/check.ts';
import { parseOutput } from '../exporter/outputs.ts';
import type { CommittedImage, Output } from '../exporter/types.ts';
import { formatPlatform, normalizePlatform } from '../image/platform.ts';
import type { ProgressSink } from '../progress/types.ts';
import { openLayerStore } from '../snapshot/layer-store.ts';
import { blobsOf } from '../store/blobs.ts';
import { checkNewName } from '../store/images.ts';
import { takeLease } from '../store/leases.ts';
import type { StorageLimits } from '../store/selection.ts';
import { openStore } from '../store/store.ts';
import { type Digest, digestOf } from '../util/digest.ts';
import { keepWithin } from './collect.ts';
import { writeOutput } from './outputs.ts';
import { Task } from './task.ts';
import { workGate } from './work-gate.ts';

/** A base image to assemble from Debian's packages, and where it goes. */
export interface BaseImageRequest extends Omit<BaseRequest, 'architecture'> {
  /** Image platforms or Debian's architectures; this machine's unless given. Several make an image index. */
  readonly platforms?: readonly string[];
  /** Names for the image. */
  readonly tags: readonly string[];
  /** Into the store unless given. */
  readonly outputs?: readonly Output[];
  /** The store's directory; the usual place unless given. */
  readonly store?: string | undefined;
  /** How large the store may be then. No limit unless given. */
  readonly storageLimits?: StorageLimits | undefined;
  readonly onProgress?: ProgressSink | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface BaseImage {
  /** The image as it is in the store; absent where no output wanted one. */
  image?: CommittedImage;
  /** Of all platforms, one after another. */
  packages: BaseResult['packages'];
  /** True when the same packages were made into layers before. */
  cached: boolean;
}

/**
 * Assembles a base image from a Debian archive, verified from the signature on.
 * @throws StagecraftError as {@link assembleBase}
 * @throws NamespaceRequired where an ordinary user must first enter a user namespace
 */
export async function buildBase(request: BaseImageRequest): Promise<BaseImage> {
  const { tags, onProgress: progress = () => {} } = request;
  const outputs = request.outputs?.length ? request.outputs : [parseOutput('type=image')];
  const signal = request.signal ?? new AbortController().signal;
  const names = tags.map(checkNewName);
  const architectures = [
    ...new Set((request.platforms ?? [hostArchitecture()]).map(each => findArchitecture(each))),
  ];
  const index = architectures.length > 1;
  const platforms = architectures.map(({ platform }) => formatPlatform(normalizePlatform(platform)));
  const named = outputs.map(output => ({
    ...output,
    names: [...new Set([...names, ...output.names])],
    image: { epoch: request.sourceDateEpoch, ...output.image },
  }));
  checkOutputs(named, { platforms, index });
  const store = openStore(request.store);
  const lease = takeLease(store);
  const since = Date.now();
  try {
    const layers = openLayerStore(store);
    const sandbox = async () => (await import('../sandbox/choose.ts')).chooseSandbox();
    const records = new CacheRecords(store, since);
    const beforeWork = workGate(store);
    const bases: BaseResult[] = [];
    for (const { name, platform } of architectures) {
      const shown = index ? titled(progress, formatPlatform(normalizePlatform(platform))) : progress;
      const parts = { store, layers, records, beforeWork, sandbox, progress: shown, signal };
      bases.push(await assembleBase({ ...request, architecture: name }, parts));
    }
    const results = bases.map(({ rootfs, config }) => ({ rootFs: rootfs, config }));
    const services = { store, layers, blobs: blobsOf(store), beforeWork, signal };
    let image: CommittedImage | undefined;
    for (const output of named) {
      const written = await Task.run(progress, 'exporting to image', task =>
        writeOutput(services, { results, index }, output, task),
      );
      image ??= written.image;
    }
    return {
      ...(image !== undefined && { image }),
      packages: bases.flatMap(each => each.packages),
      cached: bases.every(each => each.cached),
    };
  } finally {
    lease.release();
    await keepWithin(store, request.storageLimits, { progress, signal });
    store.close();
  }
}

/** The same steps for each of several platforms are different steps to a display. */
function titled(progress: ProgressSink, platform: string): ProgressSink {
  const known = (digest: Digest): Digest => digestOf(`${platform} ${digest}`);
  return ({ vertexes = [], statuses = [], logs = [], ...rest }) =>
    progress({
      ...rest,
      vertexes: vertexes.map(each => ({
        ...each,
        digest: known(each.digest),
        name: each.name.replace('[base]', `[base ${platform}]`),
      })),
      statuses: statuses.map(each => ({ ...each, vertex: known(each.vertex) })),
      logs: logs.map(each => ({ ...each, vertex: known(each.vertex) })),
    });
}
