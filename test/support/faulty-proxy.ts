import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Workspace } from './workspace.ts';

/** What is done to one answer. True where it took the answer over; else it goes on as it is. */
export type Fault = (asked: IncomingMessage, response: ServerResponse, original: Original) => boolean;

/** What the server behind answered. */
export interface Original {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** A server between a client and a registry that breaks what it is told to break. */
export class FaultyProxy {
  /** `127.0.0.1:PORT`. */
  host = '';
  fault: Fault = () => false;
  /** Bytes of a request at most. */
  limit = Number.POSITIVE_INFINITY;
  /** Is told of each piece of a request's body; true breaks the connection. */
  breaks: (asked: IncomingMessage, piece: Buffer) => boolean = () => false;
  /** The headers of a request as the server behind gets them. */
  headers: (asked: IncomingMessage) => IncomingMessage['headers'] = asked => asked.headers;
  /** Connections that were open at once, at most. */
  mostConnections = 0;
  /** All requests so far: `GET /v2/...`, with the range where one was asked for. */
  readonly asked: string[] = [];

  static async start(work: Workspace, target: string): Promise<FaultyProxy> {
    const proxy = new FaultyProxy();
    const server = createServer((asked, response) => proxy.#answer(asked, response, target));
    let open = 0;
    server.on('connection', socket => {
      open++;
      proxy.mostConnections = Math.max(proxy.mostConnections, open);
      socket.on('close', () => open--);
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    work.atEnd(() => server.closeAllConnections());
    work.atEnd(() => server.close());
    proxy.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    return proxy;
  }

  #answer(asked: IncomingMessage, response: ServerResponse, target: string): void {
    const { method, url } = asked;
    const headers = this.headers(asked);
    if (Number(headers['content-length'] ?? 0) > this.limit) {
      asked.resume();
      response.writeHead(413, { connection: 'close' }).end();
      return;
    }
    this.asked.push([method, url, headers.range].filter(Boolean).join(' '));
    const forwarded = request(`http://${target}${url}`, { method, headers }, async original => {
      const chunks: Buffer[] = [];
      for await (const chunk of original) chunks.push(chunk as Buffer);
      const whole = {
        status: original.statusCode ?? 500,
        headers: original.headers,
        body: Buffer.concat(chunks),
      };
      if (this.fault(asked, response, whole)) return;
      response.writeHead(whole.status, whole.headers).end(method === 'HEAD' ? undefined : whole.body);
    });
    forwarded.on('error', () => response.destroy());
    asked.on('data', piece => {
      if (!this.breaks(asked, piece)) return;
      forwarded.destroy();
      asked.destroy();
    });
    asked.pipe(forwarded);
  }
}
