import type { Digest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import type { Descriptor } from './types.ts';

/** Reads a blob from an offset on; whoever stores it verifies it. @throws StagecraftError `not-found`, `io` */
export type ReadBlob = (descriptor: Descriptor, from: number) => AsyncIterable<Uint8Array>;

/** A layer that lies elsewhere, in a registry or a shared cache, and need not come for others to have it. */
export interface RemoteLayer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
  readonly read: ReadBlob;
  /** When it was made, where that is known: milliseconds since the epoch. */
  readonly createdAt?: number | undefined;
  /** The repository that has it, where it is in a registry. */
  readonly repository?: { readonly domain: string; readonly path: string } | undefined;
}

/** A layer cannot be had from where it was said to lie. */
export class LayerLost extends StagecraftError {
  constructor(digest: Digest, cause: StagecraftError) {
    super('not-found', `The layer ${digest} cannot be had from where it lies: ${cause.message}`, { cause });
    this.name = 'LayerLost';
  }
}

/** The bytes of a layer from an offset on. @throws LayerLost */
export async function* readRemote(
  { descriptor, read }: RemoteLayer,
  from: number,
): AsyncGenerator<Uint8Array> {
  try {
    yield* read(descriptor, from);
  } catch (error) {
    throw error instanceof StagecraftError ? new LayerLost(descriptor.digest, error) : error;
  }
}
