import type { Descriptor } from '../image/types.ts';
import type { Digest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { Arrival } from './arrival.ts';
import type { BlobStore } from './blobs.ts';

/** Blobs on their way. */
export interface Arrivals {
  /** All fail when one fails. */
  readonly layers: ReadonlyMap<Digest, Arrival>;
  /** Ends when nothing is under way any more, whatever came of it. */
  readonly ended: Promise<unknown>;
  /** Says that their content is not what it should be: of what is under way nothing is kept. */
  distrust(): void;
}

export interface ArrivalOptions {
  /** Told of each blob how many bytes are there. */
  status(id: string, current: number, total?: number): void;
  /** Runs the body while nobody else does so for this blob. */
  hold(digest: Digest, body: () => Promise<void>): Promise<void>;
}

/** Is told how many bytes of a blob are there so far, and which file holds them, unless it is better not read yet. */
export type TellBytes = (path: string | undefined, done: number) => void;

/** Brings one blob into the store, by {@link storeBlob} with these options. */
export type BringBlob = (descriptor: Descriptor, options: StoreBlobOptions) => Promise<void>;

/** Downloads at once, as containerd has it. */
const atOnce = 3;

/** Brings the blobs that the store lacks, some at a time, in their order. */
export function bringBlobs(
  blobs: BlobStore,
  wanted: readonly Descriptor[],
  bring: BringBlob,
  { status, hold }: ArrivalOptions,
): Arrivals {
  const arrivals = new Map<Digest, Arrival>();
  const queue: Descriptor[] = [];
  for (const blob of wanted) {
    if (arrivals.has(blob.digest) || blobs.use(blob.digest)) continue;
    arrivals.set(blob.digest, new Arrival());
    queue.push(blob);
  }
  // Where one blob is not what it should be, the others that are under way are no better.
  let isDistrusted = false;
  const work = async (): Promise<void> => {
    for (let blob = queue.shift(); blob !== undefined; blob = queue.shift()) {
      const { digest, size } = blob;
      const current = blob;
      const arrival = arrivals.get(digest)!;
      const tell: TellBytes = (path, done) => {
        if (path !== undefined) arrival.grow(path, done);
        status(digest, done, size);
      };
      await hold(digest, () => bring(current, { tell, keep: () => !isDistrusted }));
      arrival.finish(blobs.path(digest), size);
    }
  };
  const workers = Array.from({ length: atOnce }, () =>
    work().catch(error => {
      queue.length = 0;
      isDistrusted ||= isWrong(error);
      for (const arrival of arrivals.values()) arrival.fail(error);
    }),
  );
  const distrust = (): void => {
    isDistrusted = true;
  };
  return { layers: arrivals, ended: Promise.all(workers), distrust };
}

/** How {@link storeBlob} does it. */
export interface StoreBlobOptions {
  readonly tell?: TellBytes | undefined;
  /**
   * Whether what arrived is kept where the rest does not come: then the next try goes on from there. Whoever gives it
   * holds a lock on the blob.
   */
  readonly keep?: (() => boolean) | undefined;
}

/**
 * Stores a blob that comes as a stream from an offset on, verified, unless it is there.
 * @throws what the source throws; `integrity` when the blob is another, and then nothing of it is kept
 */
export async function storeBlob(
  blobs: BlobStore,
  { digest, size }: Descriptor,
  source: (from: number) => AsyncIterable<Uint8Array>,
  { tell = () => {}, keep }: StoreBlobOptions = {},
): Promise<void> {
  if (blobs.use(digest)) return;
  for (let resume = keep !== undefined; ; resume = false) {
    const writer = await blobs.writer({ digest, size }, { resume });
    let done = writer.begun;
    // What an earlier try left may be damaged: nobody reads on from it before all is verified.
    const readable = done === 0 ? writer.path : undefined;
    try {
      tell(readable, done);
      for await (const chunk of done < size || size === 0 ? source(done) : []) {
        await writer.write(chunk);
        done += chunk.length;
        tell(readable, done);
      }
      await writer.commit();
      return;
    } catch (error) {
      await (isWrong(error) || !keep?.() ? writer.abort() : writer.suspend());
      if (!isWrong(error) || readable !== undefined) throw error;
    }
  }
}

function isWrong(error: unknown): boolean {
  return error instanceof StagecraftError && error.code === 'integrity';
}
