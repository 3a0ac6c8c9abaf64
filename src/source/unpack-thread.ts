// A thread that unpacks one layer after another: decompresses it, digests it and writes its files.
import { parentPort, receiveMessageOnPort } from 'node:worker_threads';
import { Arrival } from '../content/arrival.ts';
import { decompress } from '../content/decompress.ts';
import { Allowance } from '../snapshot/allowance.ts';
import { applyLayer } from '../snapshot/apply.ts';
import { RootView } from '../snapshot/root-view.ts';
import { finishDigest, startDigest } from '../util/digest.ts';
import {
  type FromThread,
  receiveError,
  sendError,
  type ToThread,
  type UnpackJob,
} from './unpack-messages.ts';

const port = parentPort!;
/** Milliseconds between two words on how far the work is. */
const interval = 100;
let arrival = new Arrival();

port.on('message', (message: ToThread) => {
  if (message.kind === 'job') void unpack(message.job).then(tell);
  else take(message);
});

function tell(message: FromThread): void {
  port.postMessage(message);
}

/** Takes in news of the blob. */
function take(message: Exclude<ToThread, { kind: 'job' }>): void {
  if (message.kind === 'grow') arrival.grow(message.path, message.size);
  else if (message.kind === 'finish') arrival.finish(message.path, message.size);
  else if (message.kind === 'fail') arrival.fail(receiveError(message.error));
}

async function unpack({ dir, what, limit, belowTold }: UnpackJob): Promise<FromThread> {
  arrival = new Arrival();
  const hash = startDigest();
  let size = 0;
  let told = performance.now();
  async function* content(): AsyncGenerator<Uint8Array> {
    for await (const chunk of decompress(arrival.stream())) {
      hash.update(chunk);
      size += chunk.length;
      if (performance.now() - told > interval) {
        told = performance.now();
        tell({ kind: 'read', bytes: size });
      }
      yield chunk;
    }
  }
  try {
    const allowance = new Allowance(limit, what);
    const applied = await applyLayer(content(), dir, () => below(belowTold), { what, allowance });
    return { kind: 'done', applied, content: { diffId: finishDigest(hash), size } };
  } catch (error) {
    return { kind: 'failed', error: sendError(error) };
  }
}

/** The layers below, as soon as they are there. */
function below(told: UnpackJob['belowTold']): RootView {
  tell({ kind: 'asks' });
  Atomics.wait(told, 0, 0);
  for (;;) {
    // It was sent before the mark was set; what was sent before it is not to be lost.
    const { message } = receiveMessageOnPort(port) as { message: Exclude<ToThread, { kind: 'job' }> };
    if (message.kind === 'below') return new RootView(message.dirs);
    take(message);
  }
}
