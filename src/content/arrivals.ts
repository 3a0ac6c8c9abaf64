import type { Descriptor } from '../image/types.ts';
import type { Digest } from '../util/digest.ts';
import { Arrival } from './arrival.ts';
import type { BlobStore } from './blobs.ts';

/** Blobs on their way. */
export interface Arrivals {
  /** All fail when one fails. */
  readonly layers: ReadonlyMap<Digest, Arrival>;
  /** Ends when nothing is under way any more, whatever came of it. */
  readonly ended: Promise<unknown>;
}

export interface ArrivalOptions {
  /** Told of each blob how many bytes are there. */
  status(id: string, current: number, total?: number): void;
  /** Runs the body while nobody else does so for this blob. */
  hold(digest: Digest, body: () => Promise<void>): Promise<void>;
}

/** Brings one blob into the store, and tells which file holds how many bytes of it so far. */
export type BringBlob = (descriptor: Descriptor, tell: (path: string, done: number) => void) => Promise<void>;

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
  const work = async (): Promise<void> => {
    for (let blob = queue.shift(); blob !== undefined; blob = queue.shift()) {
      const { digest, size } = blob;
      const current = blob;
      const arrival = arrivals.get(digest)!;
      const tell = (path: string, done: number): void => {
        arrival.grow(path, done);
        status(digest, done, size);
      };
      await hold(digest, () => bring(current, tell));
      arrival.finish(blobs.path(digest), size);
    }
  };
  const workers = Array.from({ length: atOnce }, () =>
    work().catch(error => {
      queue.length = 0;
      for (const arrival of arrivals.values()) arrival.fail(error);
    }),
  );
  return { layers: arrivals, ended: Promise.all(workers) };
}

/** Stores a blob that comes as a stream, verified, unless it is there. */
export async function storeBlob(
  blobs: BlobStore,
  { digest, size }: Descriptor,
  source: () => AsyncIterable<Uint8Array>,
  tell: (path: string, done: number) => void = () => {},
): Promise<void> {
  if (blobs.use(digest)) return;
  const writer = await blobs.writer({ digest, size });
  try {
    let done = 0;
    tell(writer.path, done);
    for await (const chunk of source()) {
      await writer.write(chunk);
      done += chunk.length;
      tell(writer.path, done);
    }
    await writer.commit();
  } catch (error) {
    await writer.abort();
    throw error;
  }
}
