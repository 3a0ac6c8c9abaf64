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
export async function peekInput(input: AsyncIterable<Uint8Array>, length: number): Promise<PeekedInput> {
  refuseTerminal(input);
  const iterator = input[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  let size = 0;
  while (size < length) {
    const { value, done } = await iterator.next();
    if (done) break;
    chunks.push(value);
    size += value.length;
  }
  if (size === 0)
    throw new StagecraftError('usage', 'Standard input is empty.', {
      hint: 'Pipe a Dockerfile or a tar archive into it, or name a directory.',
    });
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield* chunks;
    for (;;) {
      const { value, done } = await iterator.next();
      if (done) return;
      yield value;
    }
  }
  return { start: Buffer.concat(chunks).subarray(0, length), whole: whole() };
}

/** A whole Dockerfile. @throws StagecraftError `usage` for a terminal, or `dockerfile` where it is too long */
export async function readDockerfileStream(input: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  refuseTerminal(input);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of input) {
    size += chunk.length;
    if (size > dockerfileLimit) throw tooLong('The Dockerfile on standard input');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
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
