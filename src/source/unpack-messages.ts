import type { AppliedLayer } from '../snapshot/types.ts';
import { type ErrorCode, StagecraftError } from '../util/errors.ts';
import type { LayerContent } from './layer-content.ts';

/** A layer for a thread to unpack. */
export interface UnpackJob {
  /** The draft's directory. */
  readonly dir: string;
  /** What the layer is, for messages. */
  readonly what: string;
  /** Bytes that it may unpack to. */
  readonly limit: number;
  /** Becomes 1 when the layers below are told: a thread that needs them waits for it. */
  readonly belowTold: Int32Array<SharedArrayBuffer>;
}

/** What a thread is told. */
export type ToThread =
  | { readonly kind: 'job'; readonly job: UnpackJob }
  /** How far its blob is on its way. */
  | { readonly kind: 'grow' | 'finish'; readonly path: string; readonly size: number }
  | { readonly kind: 'fail'; readonly error: SentError }
  /** The directories of the layers below, base first. */
  | { readonly kind: 'below'; readonly dirs: readonly string[] };

/** What a thread tells. */
export type FromThread =
  /** It cannot go on without the layers below. */
  | { readonly kind: 'asks' }
  | { readonly kind: 'read'; readonly bytes: number }
  | { readonly kind: 'done'; readonly applied: AppliedLayer; readonly content: LayerContent }
  | { readonly kind: 'failed'; readonly error: SentError };

/** An error, as far as one thread tells another. */
export interface SentError {
  readonly message: string;
  readonly code: string | undefined;
  /** For one of ours. */
  readonly own: { readonly code: ErrorCode; readonly hint: string | undefined } | undefined;
}

export function sendError(error: unknown): SentError {
  if (!(error instanceof Error)) return { message: String(error), code: undefined, own: undefined };
  if (error instanceof StagecraftError)
    return { message: error.message, code: undefined, own: { code: error.code, hint: error.hint } };
  const code = 'code' in error ? String(error.code) : undefined;
  return { message: error.message, code, own: undefined };
}

export function receiveError({ message, code, own }: SentError): Error {
  if (own !== undefined) return new StagecraftError(own.code, message, { hint: own.hint });
  return Object.assign(new Error(message), code === undefined ? {} : { code });
}
