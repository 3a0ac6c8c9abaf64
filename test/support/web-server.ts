import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tool } from './program.ts';
import type { Workspace } from './workspace.ts';

/** What a server has under a path. */
export interface Page {
  content: string | Uint8Array;
  /** Sent as it is; the time of the last change in `last-modified`. */
  headers?: Record<string, string>;
  /** Whether it has an ETag, and answers 304 to who knows it. */
  tagged?: boolean;
  /** The header that it asks for. */
  authorization?: string;
  /** Answers in another way. */
  answer?: (request: IncomingMessage, response: ServerResponse) => void;
}

/** A server of files on this machine's loopback. */
export interface WebServer {
  readonly url: string;
  readonly pages: Map<string, Page>;
  /** What was asked and answered: `GET /file 200`. Empty it at will. */
  readonly log: string[];
  /** Ends it now: nobody answers any more. */
  stop(): Promise<void>;
}

/** A certificate of its own authority, for 127.0.0.1. */
export interface Identity {
  readonly key: string;
  readonly cert: string;
  /** The authority's certificate: a file. */
  readonly authority: string;
}

/** Starts one that ends with the tests of the file. */
export async function startWebServer(work: Workspace, identity?: Identity): Promise<WebServer> {
  const pages = new Map<string, Page>();
  const log: string[] = [];
  const listener: RequestListener = (request, response) => {
    response.once('finish', () => log.push(`${request.method} ${request.url} ${response.statusCode}`));
    answer(pages.get(request.url!), request, response);
  };
  const server = identity === undefined ? createServer(listener) : createSecureServer(identity, listener);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const stop = (): Promise<void> => {
    server.closeAllConnections();
    return new Promise(resolve => server.close(() => resolve()));
  };
  work.atEnd(stop);
  const { port } = server.address() as AddressInfo;
  return { url: `http${identity === undefined ? '' : 's'}://127.0.0.1:${port}`, pages, log, stop };
}

function answer(page: Page | undefined, request: IncomingMessage, response: ServerResponse): void {
  if (page === undefined) return void response.writeHead(404).end();
  if (page.answer !== undefined) return void page.answer(request, response);
  if (page.authorization !== undefined && request.headers.authorization !== page.authorization)
    return void response.writeHead(401).end();
  for (const [name, value] of Object.entries(page.headers ?? {})) response.setHeader(name, value);
  if (page.tagged) {
    const tag = `"${createHash('sha256').update(page.content).digest('hex')}"`;
    response.setHeader('etag', tag);
    if (request.headers['if-none-match']?.includes(tag)) return void response.writeHead(304).end();
  }
  const since = request.headers['if-modified-since'];
  if (since !== undefined && since === page.headers?.['last-modified'])
    return void response.writeHead(304).end();
  response.end(request.method === 'HEAD' ? '' : page.content);
}

/** Makes one with OpenSSL. */
export async function makeIdentity(work: Workspace): Promise<Identity> {
  const [ca, caKey, key, csr, cert] = ['ca.pem', 'ca.key', 'server.key', 'server.csr', 'server.pem'].map(
    name => work.path(name),
  ) as [string, string, string, string, string];
  const extensions = work.path('extensions');
  writeFileSync(extensions, 'subjectAltName=IP:127.0.0.1\n');
  const make = ['openssl', 'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await tool(
    ...make,
    '-x509',
    '-subj',
    '/CN=Authority of a test',
    '-keyout',
    caKey,
    '-out',
    ca,
    '-days',
    '2',
  );
  await tool(...make, '-subj', '/CN=127.0.0.1', '-keyout', key, '-out', csr);
  const signed = ['-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-extfile', extensions, '-days', '2'];
  await tool('openssl', 'x509', '-req', '-in', csr, '-out', cert, ...signed);
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8'), authority: ca };
}
