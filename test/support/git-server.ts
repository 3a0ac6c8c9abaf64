import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect, createServer as createPlainServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { start, tool } from './program.ts';
import type { Identity } from './web-server.ts';
import type { Files, Workspace } from './workspace.ts';

/** A repository whose commits are as old as they are told. */
export class Repository {
  readonly directory: string;
  readonly #work: Workspace;

  private constructor(work: Workspace, directory: string) {
    this.#work = work;
    this.directory = directory;
  }

  static async make(work: Workspace, directory: string): Promise<Repository> {
    mkdirSync(directory, { recursive: true });
    const repository = new Repository(work, directory);
    await repository.git('init', '--quiet', '--initial-branch=main');
    return repository;
  }

  /** Commits all files, with these added or changed. @returns the hash */
  async commit(files: Files, time = '2015-06-07T08:09:10Z'): Promise<string> {
    this.#work.write(this.directory, files);
    await this.git('add', '--all');
    await tool('env', `GIT_COMMITTER_DATE=${time}`, ...this.#command('commit', '--quiet', '-m', 'change'));
    return (await this.git('rev-parse', 'HEAD')).trim();
  }

  git(...args: readonly string[]): Promise<string> {
    return tool(...this.#command(...args));
  }

  #command(...args: readonly string[]): string[] {
    const person = ['-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.com'];
    return ['git', '-C', this.directory, ...person, '-c', 'protocol.file.allow=always', ...args];
  }
}

/** A `git daemon` for all repositories below a directory, until the tests of the file end. */
export async function startGitDaemon(work: Workspace, directory: string): Promise<string> {
  const port = await freePort();
  const { child, outcome } = start([
    ...['git', 'daemon', '--export-all', '--reuseaddr', `--base-path=${directory}`],
    ...['--listen=127.0.0.1', `--port=${port}`],
  ]);
  work.atEnd(async () => {
    child.kill();
    await outcome;
  });
  for (let tries = 0; tries < 100; tries++) {
    const socket = connect(port, '127.0.0.1');
    const isThere = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isThere) return `git://127.0.0.1:${port}`;
    await sleep(50);
  }
  throw new Error('git daemon does not answer.');
}

export interface GitHttpOptions {
  /** The header that it asks for. */
  readonly authorization?: string;
  /** An old one speaks the first protocol, and gives only what it shows; one of files knows nothing of Git. */
  readonly kind?: 'old' | 'files';
  /** With one it speaks TLS. */
  readonly identity?: Identity;
}

/** Git over HTTP for all repositories below a directory. */
export async function startGitHttp(
  work: Workspace,
  directory: string,
  { authorization, kind, identity }: GitHttpOptions = {},
): Promise<string> {
  const listener: RequestListener = (request, response) => {
    if (authorization !== undefined && request.headers.authorization !== authorization)
      return void response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end();
    if (kind === 'files') return sendFile(directory, request, response);
    if (kind === 'old') delete request.headers['git-protocol'];
    runBackend(directory, request, response);
  };
  const server = identity === undefined ? createServer(listener) : createSecureServer(identity, listener);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  work.atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http${identity === undefined ? '' : 's'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function sendFile(directory: string, { url }: IncomingMessage, response: ServerResponse): void {
  try {
    response.end(readFileSync(join(directory, new URL(url!, 'http://localhost').pathname)));
  } catch {
    response.writeHead(404).end();
  }
}

/** git-http-backend(1) by CGI (RFC 3875). */
function runBackend(directory: string, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url!, 'http://localhost');
  const child = spawn('git', ['http-backend'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: directory,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: '*',
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      ...(request.headers['content-encoding'] && {
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'],
      }),
      ...(request.headers['git-protocol'] && { GIT_PROTOCOL: String(request.headers['git-protocol']) }),
    },
  });
  child.stdin.on('error', () => {});
  request.pipe(child.stdin);
  let head = '';
  const read = (chunk: Buffer): void => {
    head += chunk.toString('latin1');
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    child.stdout.off('data', read);
    for (const line of head.slice(0, end).split('\r\n')) {
      const [name, value] = line.split(': ') as [string, string];
      if (name === 'Status') response.statusCode = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    }
    response.write(Buffer.from(head.slice(end + 4), 'latin1'));
    child.stdout.pipe(response);
  };
  child.stdout.on('data', read);
  child.stdout.once('end', () => response.end());
}

/** A port of the loopback that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createPlainServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
