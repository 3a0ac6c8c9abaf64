import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Transform, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Workspace } from './workspace.ts';

/** A request that passed through. */
export interface Passed {
  /** `GET /v2/...`, with the range where one was asked for. */
  readonly what: string;
  /** Bytes of its body. */
  up: number;
  /** Bytes of the answer's body. */
  down: number;
}

/** A slow line between a client and a registry, which counts what passes through it while it does. */
export class SlowProxy {
  /** `127.0.0.1:PORT`. */
  host = '';
  readonly passed: Passed[] = [];
  /** Is told of all bytes that passed so far, in both directions. */
  watch: (bytes: number) => void = () => {};
  /** Milliseconds that each piece of a body takes. */
  pause = 1;
  #bytes = 0;

  static async start(work: Workspace, target: string): Promise<SlowProxy> {
    const proxy = new SlowProxy();
    const server = createServer((asked, response) => {
      proxy.#forward(asked, response, target).catch(() => response.destroy());
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    work.atEnd(() => server.closeAllConnections());
    work.atEnd(() => server.close());
    proxy.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    return proxy;
  }

  /** Counts from zero. */
  reset(): void {
    this.passed.length = 0;
    this.watch = () => {};
    this.#bytes = 0;
  }

  async #forward(asked: IncomingMessage, response: ServerResponse, target: string): Promise<void> {
    const { method, url, headers } = asked;
    const entry = { what: [method, url, headers.range].filter(Boolean).join(' '), up: 0, down: 0 };
    this.passed.push(entry);
    const forwarded = request(`http://${target}${url}`, { method, headers });
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    forwarded.on('response', resolve).on('error', reject);
    promise.catch(() => {});
    const sent = pipeline(
      asked,
      this.#slow(size => (entry.up += size)),
      forwarded,
    );
    // Who asked may be gone in the middle of it: then the registry sees the connection end.
    sent.catch(() => forwarded.destroy());
    const answer = await promise;
    response.writeHead(answer.statusCode ?? 500, answer.headers);
    await pipeline(
      answer,
      this.#slow(size => (entry.down += size)),
      response,
    );
  }

  #slow(count: (size: number) => void): Transform {
    const pass = async (piece: Buffer, done: TransformCallback): Promise<void> => {
      await sleep(this.pause);
      count(piece.length);
      this.#bytes += piece.length;
      this.watch(this.#bytes);
      done(null, piece);
    };
    return new Transform({
      highWaterMark: 1 << 16,
      transform: (piece: Buffer, _, done) => void pass(piece, done),
    });
  }
}
