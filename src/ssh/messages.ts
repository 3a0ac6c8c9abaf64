import type { Readable, Writable } from 'node:stream';
import { string } from './wire.ts';

/** Bytes of the longest message that is taken: OpenSSH's own limit. */
const longest = 256 * 1024;

/**
 * The messages of an agent connection: each has its length before it (draft-ietf-sshm-ssh-agent, section 3).
 * @throws Error for one that is empty or too long
 */
export async function* readMessages(stream: Readable): AsyncGenerator<Buffer, undefined> {
  let pending: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    pending = Buffer.concat([pending, chunk as Buffer]);
    while (pending.length >= 4) {
      const length = pending.readUInt32BE();
      if (length === 0 || length > longest) throw new Error(`a message of ${length} bytes`);
      if (pending.length < 4 + length) break;
      yield pending.subarray(4, 4 + length);
      pending = pending.subarray(4 + length);
    }
  }
  return undefined;
}

export function writeMessage(stream: Writable, message: Uint8Array): void {
  stream.write(string(message));
}
