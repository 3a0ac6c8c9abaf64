import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import type { ArrivalFollower } from '../content/arrival.ts';
import type { AppliedLayer } from '../snapshot/types.ts';
import type { LayerContent } from './layer-content.ts';
import {
  type FromThread,
  receiveError,
  sendError,
  type ToThread,
  type UnpackJob,
} from './unpack-messages.ts';

/** What a layer that is unpacked apart needs besides its job. */
export interface UnpackSurroundings {
  /** Tells of the blob from now on, until the function returned is called. */
  follow(follower: ArrivalFollower): () => void;
  /** The directories of the layers below, base first, once they are there. */
  below(): Promise<readonly string[]>;
  /** Told how many bytes of the archive were read. */
  tell(bytes: number): void;
  readonly signal?: AbortSignal | undefined;
}

/** Each takes a processor and some forty megabytes. */
const most = Math.min(2, availableParallelism());
const idle: Worker[] = [];
const waiting: ((worker: Worker) => void)[] = [];
let started = 0;

/**
 * Has a thread do the work, the next that is free, in the order of the calls; threads with nothing to do end.
 * Whoever waits in it for the outcome of another must have called later than that one.
 */
export async function withThread<T>(work: (thread: Worker) => Promise<T>): Promise<T> {
  const thread = await takeThread();
  let isDead = false;
  const watch = (): void => {
    isDead = true;
  };
  thread.once('exit', watch);
  try {
    return await work(thread);
  } finally {
    thread.off('exit', watch);
    give(isDead ? undefined : thread);
  }
}

function takeThread(): Worker | Promise<Worker> {
  const free = idle.pop();
  if (free !== undefined) return free;
  if (started < most) {
    started++;
    return startThread();
  }
  return new Promise(resolve => waiting.push(resolve));
}

function give(thread: Worker | undefined): void {
  const next = waiting.shift();
  if (next !== undefined) next(thread ?? startThread());
  else {
    started--;
    void thread?.terminate();
  }
}

function startThread(): Worker {
  // What bin/stagecraft gives the main thread for short-lived objects would be fifteen megabytes more for each.
  for (const bound of ['min', 'max']) setFlagsFromString(`--${bound}-semi-space-size=2`);
  return new Worker(threadProgram(), { execArgv: [] });
}

/** The thread's program: beside this file in the sources, a file of its own in the bundle. */
function threadProgram(): string {
  return ['./unpack-thread.ts', './unpack-thread.js', '../unpack-thread.js']
    .map(place => fileURLToPath(new URL(place, import.meta.url)))
    .find(place => existsSync(place))!;
}

/** Unpacks a layer in a thread. @throws what the thread met; the signal's reason, when the thread has ended */
export async function unpackIn(
  thread: Worker,
  job: Omit<UnpackJob, 'belowTold'>,
  { follow, below, tell, signal }: UnpackSurroundings,
): Promise<{ applied: AppliedLayer; content: LayerContent }> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<{
    applied: AppliedLayer;
    content: LayerContent;
  }>();
  const belowTold = new Int32Array(new SharedArrayBuffer(4));
  const send = (message: ToThread): void => thread.postMessage(message);
  let reason: unknown;
  const stop = (why: unknown): void => {
    reason = why;
    void thread.terminate();
  };
  const answer = async (): Promise<void> => {
    try {
      send({ kind: 'below', dirs: await below() });
      Atomics.store(belowTold, 0, 1);
      Atomics.notify(belowTold, 0);
    } catch (error) {
      stop(error);
    }
  };
  const onMessage = (message: FromThread): void => {
    if (message.kind === 'asks') void answer();
    else if (message.kind === 'read') tell(message.bytes);
    else if (message.kind === 'failed') reject(receiveError(message.error));
    else resolve({ applied: message.applied, content: message.content });
  };
  const onExit = (code: number): void =>
    reject(reason ?? new Error(`A thread that unpacks ended with ${code}`));
  const onAbort = (): void => stop(signal!.reason);
  thread.on('message', onMessage).on('error', reject).on('exit', onExit);
  signal?.addEventListener('abort', onAbort);
  send({ kind: 'job', job: { ...job, belowTold } });
  const unfollow = follow({
    grow: (path, size) => send({ kind: 'grow', path, size }),
    finish: (path, size) => send({ kind: 'finish', path, size }),
    fail: error => send({ kind: 'fail', error: sendError(error) }),
  });
  try {
    return await promise;
  } finally {
    unfollow();
    signal?.removeEventListener('abort', onAbort);
    thread.off('message', onMessage).off('error', reject).off('exit', onExit);
  }
}
