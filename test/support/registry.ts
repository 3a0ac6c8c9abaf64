import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TokenServer } from './token-server.ts';
import type { Workspace } from './workspace.ts';

export interface RegistryOptions {
  /** Who may use it. */
  readonly account?: { readonly name: string; readonly password: string };
  /**
   * Speaks TLS under the name `registry.test`, which only {@link Registry.proxy} can reach, with a certificate of an
   * authority that nobody knows: {@link Registry.authority}.
   */
  readonly tls?: boolean;
  /** Who gives the tokens that it wants. */
  readonly tokens?: TokenServer;
}

/** A registry on this machine (Debian's docker-registry), for one file of tests. */
export class Registry {
  /** `127.0.0.1:PORT`, or `registry.test`. */
  readonly host: string;
  readonly #port: number;
  readonly directory: string;
  /** The certificate of its authority, PEM. */
  readonly authority: string;
  readonly #child: ChildProcess;

  private constructor(host: string, port: number, directory: string, child: ChildProcess) {
    this.host = host;
    this.#port = port;
    this.directory = directory;
    this.authority = `${directory}/authority.crt`;
    this.#child = child;
  }

  static async start(work: Workspace, options: RegistryOptions = {}): Promise<Registry> {
    const port = await freePort();
    const directory = work.path(`registry-${port}`);
    mkdirSync(directory);
    const host = options.tls ? 'registry.test' : `127.0.0.1:${port}`;
    writeFileSync(`${directory}/config.yml`, configuration(directory, port, options));
    const child = spawn('docker-registry', ['serve', `${directory}/config.yml`], { stdio: 'ignore' });
    const registry = new Registry(host, port, directory, child);
    work.atEnd(() => registry.stop());
    await registry.#answers(options.tls ?? false);
    return registry;
  }

  /** Starts a proxy that takes `registry.test` for this registry, and returns its address. */
  async proxy(work: Workspace): Promise<string> {
    const proxy = createHttpServer().on('connect', (request, client: Socket) => {
      if (request.url !== 'registry.test:443') return client.destroy();
      const server = connect(this.#port, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        client.pipe(server).pipe(client);
      });
      for (const each of [client, server]) each.on('error', () => client.destroy());
    });
    await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve));
    work.atEnd(() => proxy.close());
    return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#child.kill();
  }

  async #answers(tls: boolean): Promise<void> {
    const options = ['-s', '-o', '/dev/null', '--noproxy', '*', ...(tls ? ['-k'] : [])];
    for (let i = 0; i < 200; i++) {
      try {
        execFileSync('curl', [...options, `http${tls ? 's' : ''}://127.0.0.1:${this.#port}/v2/`]);
        return;
      } catch {
        await sleep(50);
      }
    }
    throw new Error('The registry does not start.');
  }
}

function configuration(directory: string, port: number, { account, tls, tokens }: RegistryOptions): string {
  const lines = [
    'version: 0.1',
    'log: { level: error }',
    `storage: { filesystem: { rootdirectory: ${directory}/data }, delete: { enabled: true } }`,
    'http:',
    `  addr: 127.0.0.1:${port}`,
  ];
  if (tls) {
    makeCertificate(directory);
    lines.push(`  tls: { certificate: ${directory}/server.crt, key: ${directory}/server.key }`);
  }
  if (account) {
    const entry = execFileSync('htpasswd', ['-Bbn', account.name, account.password]);
    writeFileSync(`${directory}/htpasswd`, entry);
    lines.push(`auth: { htpasswd: { realm: tests, path: ${directory}/htpasswd } }`);
  }
  if (tokens) {
    const { realm, service, issuer, certificate } = tokens;
    const fields = { realm, service, issuer, rootcertbundle: certificate };
    lines.push(`auth: { token: ${JSON.stringify(fields)} }`);
  }
  return `${lines.join('\n')}\n`;
}

function makeCertificate(directory: string): void {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  openssl('req', '-x509', ...key, '-subj', '/CN=Tests', '-keyout', 'authority.key', '-out', 'authority.crt');
  openssl(
    'req',
    ...key.slice(0, -2),
    '-subj',
    '/CN=registry.test',
    '-keyout',
    'server.key',
    '-out',
    'server.csr',
  );
  writeFileSync(`${directory}/names`, 'subjectAltName=DNS:registry.test,IP:127.0.0.1\n');
  openssl(
    ...['x509', '-req', '-in', 'server.csr', '-CA', 'authority.crt', '-CAkey', 'authority.key'],
    ...['-CAcreateserial', '-days', '2', '-extfile', 'names', '-out', 'server.crt'],
  );
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address!.port : 0));
    });
  });
}
