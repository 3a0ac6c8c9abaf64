import { Readable } from 'node:stream';
import { StagecraftError } from '../util/errors.ts';

/** Standard input, of which the start was looked at. */
export interface PeekedInput {
  /** As many bytes as were wanted, or all there are. */
  readonly start: Buffer;
  /** Everything, from the start on. */
  readonly whole: AsyncIterable<Uint8Array>;
}

/** Bytes of a Dockerfile at most, wherever it comes from: as buildx has it. */
export const dockerfileLimit = 2 << 20;

/** @throws StagecraftError `usage` for a terminal, and where nothing comes */
export async function peekInput(
  input: AsyncIterable<Uint8Array>,
  length: number,
  signal: AbortSignal,
): Promise<PeekedInput> {
  const chunks = chunksOf(input, signal);
  const first: Uint8Array[] = [];
  let size = 0;
  while (size < length) {
    const { value, done } = await chunks.next();
    if (done) break;
    first.push(value);
    size += value.length;
  }
  if (size === 0)
    throw new StagecraftError('usage', 'Standard input is empty.', {
      hint: 'Pipe a Dockerfile or a tar archive into it, or name a directory.',
    });
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield* first;
    yield* chunks;
  }
  return { start: Buffer.concat(first).subarray(0, length), whole: whole() };
}

/** A whole Dockerfile. @throws StagecraftError `usage` for a terminal, or `dockerfile` where it is too long */
export async function readDockerfileStream(
  input: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunksOf(input, signal)) {
    size += chunk.length;
    if (size > dockerfileLimit) throw tooLong('The Dockerfile on standard input');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** What comes, until the build is stopped: then nobody waits for more. */
async function* chunksOf(
  input: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  refuseTerminal(input);
  const iterator = input[Symbol.asyncIterator]();
  const stopped = Promise.withResolvers<never>();
  stopped.promise.catch(() => {});
  const stop = (): void => {
    stopped.reject(signal.reason);
    if (input instanceof Readable) input.destroy();
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    for (;;) {
      const { value, done } = await Promise.race([iterator.next(), stopped.promise]);
      if (done) return;
      yield value;
    }
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

export function tooLong(what: string): StagecraftError {
  return new StagecraftError('dockerfile', `${what} is longer than 2 MB, so it is none.`);
}

function refuseTerminal(input: AsyncIterable<Uint8Array>): void {
  if (!('isTTY' in input) || !input.isTTY) return;
  throw new StagecraftError('usage', 'Standard input is a terminal.', {
    hint: 'Pipe a Dockerfile or a tar archive into it, or name a directory.',
  });
}
