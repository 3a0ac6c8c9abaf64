import { isLost, type Response } from '../transport/request.ts';
import { StagecraftError } from '../util/errors.ts';

/** How often in a row a download may be lost without a byte of progress. */
const losses = 3;

/**
 * The bytes of a blob over connections that may break: a new one goes on where the last one was, by range where the
 * server can, else by passing over what is known.
 * @param open answers with the bytes from that offset on, or with all of them
 * @param size in bytes, as the manifest says
 * @throws StagecraftError `integrity` for a blob of another size, also where it never comes to its end; `io` when the
 * server cannot be reached any more
 */
export async function* readBlob(
  open: (from: number) => Promise<Response>,
  { from, size }: { from: number; size: number },
  what: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  let done = from;
  for (let lost = 0; ; ) {
    const before = done;
    const response = await open(done);
    let skip = response.status === 206 ? 0 : done;
    try {
      for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
        const news = skip >= chunk.length ? undefined : chunk.subarray(skip);
        skip = Math.max(0, skip - chunk.length);
        if (news === undefined) continue;
        done += news.length;
        if (done > size) throw new StagecraftError('integrity', `${what} has more than its ${size} bytes.`);
        yield news;
      }
      if (done === size) return;
      // A body that ends early is a connection that did, seen through a proxy.
    } catch (error) {
      signal?.throwIfAborted();
      if (!isLost(error)) throw error;
    } finally {
      response.body.destroy();
    }
    lost = done > before ? 0 : lost + 1;
    if (lost >= losses)
      throw new StagecraftError(
        'integrity',
        `${what} ends after ${done} of ${size} bytes, again and again.`,
        {
          hint: 'Check the network, or the registry: it may have lost a part of the blob.',
        },
      );
  }
}
