import { createReadStream } from 'node:fs';
import type { ExportedLayer } from '../cache/exported.ts';
import { mountIndexDescriptor, mountPackDescriptor, type SharedMount } from '../cache/mounts.ts';
import type { CacheTarget, SendStatus } from '../cache/target.ts';
import type { Descriptor } from '../image/types.ts';
import type { NewPack } from '../mounts/pack.ts';
import type { MountIndex } from '../mounts/types.ts';
import type { LayerStore } from '../snapshot/types.ts';
import { type CacheMountUse, readCacheMount, titleOfCacheMount } from '../solver/cache-mount.ts';
import type { Store } from '../store/store.ts';
import { digestOf } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { forEachAtOnce } from '../util/parallel.ts';
import { once } from '../util/streams.ts';
import { readMountIndex } from './mount-restore.ts';

export interface MountExportServices {
  readonly store: Store;
  readonly layers: LayerStore;
  readonly signal: AbortSignal;
  beforeWork(): void;
}

export interface MountExport {
  readonly uses: readonly CacheMountUse[];
  /** All of them, or those of these ids. */
  readonly wanted: boolean | readonly string[];
  readonly target: CacheTarget;
  /** The mounts that are in that place already, or else in a cache that the build was given; by what they are called. */
  known(name: string): Promise<readonly SharedMount[]>;
  readonly status: SendStatus;
}

/**
 * Sends the content of cache mounts to a shared cache: what the store has, or else, unfetched where that can be, what
 * another shared cache has. Returns what the cache's manifest is to name.
 */
export async function exportMounts(
  services: MountExportServices,
  { uses, wanted, target, known, status }: MountExport,
): Promise<Descriptor[]> {
  for (const id of typeof wanted === 'boolean' ? [] : wanted)
    if (!uses.some(use => isWanted(use.id, [id]))) status(`no step has the cache mount ${id}`, 0);
  const sent: Descriptor[] = [];
  for (const use of uses.filter(({ id }) => isWanted(id, wanted))) {
    const before = await readAll(await known(use.name), services);
    const mount = new Mount(use, before, target, status);
    sent.push(...((await mount.send(services)) ?? (await mount.handOn()) ?? []));
  }
  return sent;
}

function isWanted(id: string, wanted: boolean | readonly string[]): boolean {
  return typeof wanted === 'boolean' ? wanted : wanted.some(each => titleOfCacheMount(id) === each);
}

/** Questions to a place at once. */
const questionsAtOnce = 8;

interface Known {
  readonly mount: SharedMount;
  readonly index: MountIndex;
}

/** What cannot be read any more is as good as not there. */
async function readAll(
  mounts: readonly SharedMount[],
  { layers, signal }: MountExportServices,
): Promise<Known[]> {
  const different = new Map(mounts.map(mount => [mount.descriptor.digest, mount])).values();
  const read = [...different].map(async mount => {
    try {
      return [{ mount, index: await readMountIndex(mount, layers) }];
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof StagecraftError) return [];
      throw error;
    }
  });
  return (await Promise.all(read)).flat();
}

class Mount {
  readonly #use: CacheMountUse;
  readonly #known: readonly Known[];
  readonly #target: CacheTarget;
  readonly #status: SendStatus;

  constructor(use: CacheMountUse, known: readonly Known[], target: CacheTarget, status: SendStatus) {
    this.#use = use;
    this.#known = known;
    this.#target = target;
    this.#status = status;
  }

  /** Sends what the store has of it, if anything. */
  async send({ store, signal, beforeWork }: MountExportServices): Promise<Descriptor[] | undefined> {
    const { name } = this.#use;
    const found = await readCacheMount(this.#use, store, signal, beforeWork);
    if (found === undefined) return undefined;
    const { collectMount } = await import('../mounts/collect.ts');
    const collected = await collectMount({
      store,
      name,
      directory: found.directory,
      known: this.#known.map(({ index }) => index),
      has: pack => this.#target.has(mountPackDescriptor(pack)),
      signal,
    }).finally(() => found.release());
    try {
      const made = new Map(collected.made.map(pack => [pack.digest, pack]));
      return await this.#sendIndex(collected.index, [...made.values()].map(fromFile));
    } finally {
      collected.discard();
    }
  }

  /** Makes the place have what another one has, without a look at the files; nothing where that is not whole any more. */
  async handOn(): Promise<Descriptor[] | undefined> {
    const [first] = this.#known;
    if (first === undefined) return undefined;
    const { mount, index } = first;
    const packs = index.packs.map(pack => {
      const descriptor = mountPackDescriptor(pack);
      return { descriptor, read: (from: number) => mount.read(descriptor, from) };
    });
    try {
      return await this.#sendIndex(index, packs);
    } catch (error) {
      if (error instanceof StagecraftError && /^(?:not-found|integrity)$/.test(error.code)) return undefined;
      throw error;
    }
  }

  async #sendIndex(index: MountIndex, packs: readonly ExportedLayer[]): Promise<Descriptor[]> {
    const { name, id } = this.#use;
    const title = titleOfCacheMount(id);
    const { writeIndex } = await import('../mounts/index-document.ts');
    const bytes = await writeIndex(index);
    const descriptor = mountIndexDescriptor(name, digestOf(bytes), bytes.length);
    const all = [...packs, { descriptor, read: (from: number) => once(bytes.subarray(from)) }];
    const blobs = await this.#absent(all);
    const size = blobs.reduce((sum, blob) => sum + blob.descriptor.size, 0);
    const done = new Map<string, number>();
    let sum = 0;
    await this.#target.sendLayers(blobs, (digest, current) => {
      sum += current - (done.get(digest) ?? 0);
      done.set(digest, current);
      this.#status(`sending cache mount ${title}`, sum, size);
    });
    const whole = bytes.length + index.packs.reduce((sum, pack) => sum + pack.size, 0);
    if (whole > size) this.#status(`cache mount ${title}: there already`, whole - size, whole - size);
    return [descriptor, ...index.packs.map(pack => mountPackDescriptor(pack))];
  }

  /** Those that the place does not have. */
  async #absent(blobs: readonly ExportedLayer[]): Promise<ExportedLayer[]> {
    const absent = new Set<ExportedLayer>();
    await forEachAtOnce(blobs, questionsAtOnce, async blob => {
      if (!(await this.#target.has(blob.descriptor))) absent.add(blob);
    });
    return blobs.filter(blob => absent.has(blob));
  }
}

function fromFile(pack: NewPack): ExportedLayer {
  return {
    descriptor: mountPackDescriptor(pack),
    read: from => createReadStream(pack.path, { start: from }),
  };
}
