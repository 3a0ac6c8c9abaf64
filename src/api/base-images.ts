import type { Arrival } from '../content/arrival.ts';
import type { ArrivalOptions, Arrivals } from '../content/arrivals.ts';
import type { BlobStore } from '../content/blobs.ts';
import type { ResolvedImage } from '../frontend/types.ts';
import {
  equalPlatforms,
  formatPlatform,
  hostPlatform,
  normalizePlatform,
  rankPlatform,
} from '../image/platform.ts';
import { formatFamiliar, formatReference, parseReference, type Reference } from '../image/reference.ts';
import type { Descriptor, Platform } from '../image/types.ts';
import { forgetBase, recallBase, rememberBase } from '../store/bases.ts';
import { findImage } from '../store/images.ts';
import { type ReadImage, readImage, readParts } from '../store/inspect.ts';
import { holdLock } from '../store/locks.ts';
import type { Store } from '../store/store.ts';
import type { Digest } from '../util/digest.ts';
import { isErrorCode, StagecraftError } from '../util/errors.ts';
import { type RegistryAccess, registryAccess } from './registries.ts';

export interface BaseImagesOptions {
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  /** `--pull`: asks the registry also for what the store has. */
  readonly pull: boolean;
  /** Nobody asked for a platform: an image of the store serves as it is, whatever its own. */
  readonly anyPlatform: boolean;
}

/**
 * The images that a build starts from: those of the store, else those of registries. Of the latter only documents are
 * fetched until something needs their files.
 */
export class BaseImages {
  readonly #options: BaseImagesOptions;
  readonly #found = new Map<string, Promise<Descriptor>>();
  readonly #running: Arrivals[] = [];
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #registries: RegistryAccess;
  #isDeceived = false;

  constructor(options: BaseImagesOptions) {
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#stop.signal]);
    this.#registries = registryAccess(options.env, this.#signal);
  }

  /** What a name stands for in this build. @throws StagecraftError `not-found`, `io`, `integrity` */
  async resolve(text: string, platform: Platform): Promise<ResolvedImage> {
    const { digest } = await this.#find(parseReference(text), platform);
    const { config } = await this.read(text, platform);
    return { name: formatReference(parseReference(text)), digest, config };
  }

  /** Its manifest and config for a platform. @throws as {@link resolve} */
  async read(text: string, platform: Platform = hostPlatform()): Promise<ReadImage> {
    return readImage(this.#options.blobs, await this.#find(parseReference(text), platform), platform);
  }

  /**
   * Begins to fetch the layers that are not in the store. `status` is told how many bytes of each are there.
   */
  async fetchLayers(
    text: string,
    layers: readonly Descriptor[],
    status: (id: string, current: number, total?: number) => void,
  ): Promise<ReadonlyMap<Digest, Arrival>> {
    const { blobs } = this.#options;
    if (layers.every(layer => blobs.use(layer.digest))) return new Map();
    const { pullLayers } = await import('../registry/pull.ts');
    const arrivals = pullLayers(await this.#registries.open(), blobs, parseReference(text), layers, {
      status,
      hold: this.#hold,
    });
    this.#running.push(arrivals);
    return arrivals.layers;
  }

  /** Reads a layer's blob where it is: in the store, else in the image's registry. */
  async *readLayer(text: string, layer: Descriptor, from: number): AsyncGenerator<Uint8Array> {
    const { blobs } = this.#options;
    if (blobs.use(layer.digest)) {
      yield* blobs.stream(layer.digest, { from, verify: from === 0 });
      return;
    }
    const { hasBlob } = await import('../registry/upload.ts');
    const registries = await this.#registries.open();
    const client = await registries.ask(parseReference(text), async each => {
      if (await hasBlob(each, layer.digest)) return each;
      throw new StagecraftError('not-found', `${each.name} has no blob ${layer.digest}.`);
    });
    yield* client.blob(layer, from);
  }

  /** Whether an image of a registry was not what it should be, so that parts of it lie in the store for nothing. */
  get isDeceived(): boolean {
    return this.#isDeceived;
  }

  /** Forgets what a registry said of an image whose files are not what they should be: the next build asks anew. */
  async distrust(text: string, platform: Platform): Promise<void> {
    this.#isDeceived = true;
    for (const arrivals of this.#running) arrivals.distrust();
    forgetBase(this.#options.store, (await this.#find(parseReference(text), platform)).digest);
  }

  /** Stops what is under way, and ends when nothing of it is left. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running.map(({ ended }) => ended));
    await this.#registries.close();
  }

  readonly #hold: ArrivalOptions['hold'] = (digest, body) =>
    holdLock(this.#options.store, `fetch ${digest}`, this.#signal, body);

  /** One answer for a build, however often and for whatever step it is asked. */
  #find(reference: Reference, platform: Platform): Promise<Descriptor> {
    const key = `${reference.digest ?? formatReference(reference)} ${formatPlatform(platform)}`;
    let found = this.#found.get(key);
    if (found === undefined) {
      found = this.#look(reference, platform);
      this.#found.set(key, found);
      // The graph names the image by this digest.
      found.then(
        ({ digest }) => this.#found.set(`${digest} ${formatPlatform(platform)}`, found!),
        () => {},
      );
    }
    return found;
  }

  async #look(reference: Reference, platform: Platform): Promise<Descriptor> {
    const { pull, blobs, store } = this.#options;
    const known = this.#known(reference);
    // A digest always means the same.
    const isFixed = reference.digest !== undefined;
    if (known !== undefined && (!pull || isFixed) && hasPlatform(blobs, known.descriptor, platform))
      if (isFixed || known.fromRegistry || this.#serves(known.descriptor, platform)) return known.descriptor;
    const { pullDocuments } = await import('../registry/pull.ts');
    try {
      const descriptor = await pullDocuments(
        await this.#registries.open(),
        blobs,
        reference,
        platform,
        this.#hold,
      );
      readImage(blobs, descriptor, platform);
      rememberBase(store, formatReference(reference), descriptor);
      return descriptor;
    } catch (error) {
      this.#isDeceived ||= isErrorCode(error, 'integrity');
      throw known !== undefined && !pull
        ? missingPart(reference, known.descriptor, blobs, platform, error)
        : notThere(reference, error, pull);
    }
  }

  /**
   * False for an image that was given its name here and is for another platform: Docker, too, looks elsewhere then. What
   * the registry has for all platforms alike is taken, with a warning.
   */
  #serves(descriptor: Descriptor, platform: Platform): boolean {
    const { anyPlatform, blobs } = this.#options;
    if (anyPlatform && equalPlatforms(platform, hostPlatform())) return true;
    return rankPlatform(platform, readImage(blobs, descriptor, platform).platform) !== undefined;
  }

  #known(reference: Reference): { descriptor: Descriptor; fromRegistry: boolean } | undefined {
    const { store } = this.#options;
    const name = formatReference(reference);
    try {
      const { descriptor } = findImage(store, reference.digest ?? name);
      return { descriptor, fromRegistry: false };
    } catch (error) {
      if (!(error instanceof StagecraftError) || error.code !== 'not-found') throw error;
      const descriptor = recallBase(store, name, reference.digest);
      return descriptor && { descriptor, fromRegistry: true };
    }
  }
}

function hasPlatform(blobs: BlobStore, descriptor: Descriptor, platform: Platform): boolean {
  try {
    readImage(blobs, descriptor, platform);
    return true;
  } catch (error) {
    if (error instanceof StagecraftError && error.code === 'not-found') return false;
    throw error;
  }
}

/** The image is here, but not for this platform, and its registry does not help: the former is what matters. */
function missingPart(
  reference: Reference,
  known: Descriptor,
  blobs: BlobStore,
  platform: Platform,
  cause: unknown,
): StagecraftError {
  const parts = readParts(blobs, known).map(part => formatPlatform(normalizePlatform(part.platform)));
  const name = formatFamiliar(reference);
  const wanted = formatPlatform(normalizePlatform(platform));
  return new StagecraftError(
    'not-found',
    `The base image ${name} is in the local store for ${parts.join(', ') || 'no platform'} only, not for ${wanted}.`,
    {
      hint: `\`stagecraft base -t ${name} --platform ${[...parts, wanted].join(',')} --suite bookworm\` makes one of Debian's packages for all; or load one that has it.`,
      cause,
    },
  );
}

function notThere(reference: Reference, error: unknown, pull: boolean): unknown {
  if (!(error instanceof StagecraftError) || !/^(not-found|io)$/.test(error.code)) return error;
  const name = formatFamiliar(reference);
  const what = pull
    ? `The base image ${name} cannot be pulled`
    : `The base image ${name} is not in the local store`;
  const reason = error.message.replace(/\.$/, '');
  return new StagecraftError(
    'not-found',
    `${what}${pull ? ': ' : ', and not to be had elsewhere: '}${reason}.`,
    {
      hint: [
        ...(error.hint === undefined ? [] : [error.hint]),
        `Without a registry: \`stagecraft base -t ${name} --suite bookworm\` makes one of Debian's packages, \`stagecraft load -i FILE\` brings one; \`stagecraft images\` lists those that are there.`,
      ].join('\n'),
      cause: error,
    },
  );
}
