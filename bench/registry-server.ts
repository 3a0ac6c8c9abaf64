import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Debian's docker-registry on loopback. */
export class RegistryServer {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly #directory: string;
  readonly #child: ChildProcess;

  private constructor(host: string, directory: string, child: ChildProcess) {
    this.host = host;
    this.#directory = directory;
    this.#child = child;
  }

  static async start(scratch: string): Promise<RegistryServer> {
    const directory = join(scratch, 'registry');
    const port = await freePort();
    mkdirSync(directory);
    const config = join(directory, 'config.yml');
    writeFileSync(
      config,
      [
        'version: 0.1',
        'log: { level: error, accesslog: { disabled: true } }',
        `storage: { filesystem: { rootdirectory: ${directory}/data }, delete: { enabled: true } }`,
        `http: { addr: '127.0.0.1:${port}' }`,
        '',
      ].join('\n'),
    );
    const child = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
    const server = new RegistryServer(`127.0.0.1:${port}`, directory, child);
    for (let attempt = 0; ; attempt++) {
      const answer = await fetch(`http://${server.host}/v2/`).catch(() => undefined);
      if (answer?.ok) return server;
      if (attempt === 100 || child.exitCode !== null) throw new Error('docker-registry does not start.');
      await sleep(50);
    }
  }

  /** Makes it forget a repository, and all blobs where nothing else shall stay. */
  forget(repository: string, blobs: readonly string[]): void {
    const root = join(this.#directory, 'data/docker/registry/v2');
    rmSync(join(root, 'repositories', repository), { recursive: true, force: true });
    for (const digest of blobs) {
      const hex = digest.replace('sha256:', '');
      rmSync(join(root, 'blobs/sha256', hex.slice(0, 2), hex), { recursive: true, force: true });
    }
  }

  /** Digests of the blobs that it has. */
  async layersOf(repository: string): Promise<string[]> {
    const accept =
      'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json';
    const answer = await fetch(`http://${this.host}/v2/${repository}/manifests/latest`, {
      headers: { accept },
    });
    const manifest = (await answer.json()) as { layers: { digest: string }[]; config: { digest: string } };
    return [...manifest.layers, manifest.config].map(({ digest }) => digest);
  }

  stop(): void {
    this.#child.kill();
  }
}

/** Passes connections on to a server and counts them. */
export class CountingProxy {
  /** Most connections open at once since the last {@link reset}. */
  peak = 0;
  readonly host: string;
  readonly #server: Server;

  private constructor(host: string, server: Server) {
    this.host = host;
    this.#server = server;
  }

  static async start(target: string): Promise<CountingProxy> {
    let open = 0;
    let counting: CountingProxy | undefined;
    const [address, port] = target.split(':');
    const server = createServer(client => {
      open++;
      counting!.peak = Math.max(counting!.peak, open);
      const upstream = connect(Number(port), address);
      client.pipe(upstream).pipe(client);
      client.on('error', () => upstream.destroy());
      upstream.on('error', () => client.destroy());
      client.on('close', () => open--);
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    counting = new CountingProxy(`127.0.0.1:${(server.address() as AddressInfo).port}`, server);
    return counting;
  }

  stop(): void {
    this.#server.close();
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
