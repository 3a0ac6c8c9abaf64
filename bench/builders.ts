import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Measured, measure, peakOf } from './process.ts';

/** Something that builds images, with a store of its own. */
export interface Builder {
  readonly name: string;
  build(name: string, context: string, options?: { noCache?: boolean }): Promise<Measured>;
  /** Runs the steps of a build without packing its layers, where the builder makes a difference. */
  solve?(context: string): Promise<Measured>;
  /** Writes an image that was built into a file; nothing where the builder cannot. */
  exportImage?(name: string, context: string, file: string, compression: 'gzip' | 'zstd'): Promise<Measured>;
  stop(): Promise<void>;
}

const stagecraftBin = join(dirname(fileURLToPath(import.meta.url)), '../bin/stagecraft');

export function stagecraft(scratch: string): Builder {
  const env = { STAGECRAFT_ROOT: join(scratch, 'stagecraft') };
  return {
    name: 'Stagecraft',
    build: (name, context, { noCache } = {}) =>
      measure(stagecraftBin, ['build', '-q', '-t', name, ...(noCache ? ['--no-cache'] : []), context], env),
    solve: context => measure(stagecraftBin, ['build', '-q', '-o', 'type=cacheonly', context], env),
    exportImage: (_, context, file, compression) =>
      measure(
        stagecraftBin,
        ['build', '-q', '-o', `type=oci,dest=${file},compression=${compression}`, context],
        env,
      ),
    stop: async () => {},
  };
}

/** Buildah with a store of its own, as root; nothing where it is not installed. */
export function buildah(scratch: string): Builder | undefined {
  if (!hasTool('buildah', ['--version'])) return undefined;
  const home = join(scratch, 'buildah');
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}');
  const store = ['--root', join(home, 'root'), '--runroot', join(home, 'run'), '--storage-driver', 'overlay'];
  const env = { BUILDAH_ISOLATION: 'oci', BUILDAH_RUNTIME: 'runc' };
  const policy = ['--signature-policy', join(home, 'policy.json')];
  return {
    name: 'Buildah',
    build: (name, context, { noCache } = {}) =>
      measure(
        'buildah',
        [
          ...store,
          'bud',
          '--layers',
          '--network',
          'host',
          '--pull-never',
          ...policy,
          ...(noCache ? ['--no-cache'] : []),
          '-t',
          name,
          context,
        ],
        env,
      ),
    exportImage: (name, _, file, compression) =>
      measure(
        'buildah',
        [
          ...store,
          'push',
          ...policy,
          '--compression-format',
          compression,
          '-q',
          `localhost/${name}`,
          `oci-archive:${file}`,
        ],
        env,
      ),
    stop: async () => {},
  };
}

/** Docker's engine with BuildKit, started for the benchmark alone; nothing where it is not installed. */
export async function docker(scratch: string): Promise<Builder | undefined> {
  const client = ['/usr/bin/docker', 'docker'].find(each => hasTool(each, ['--version']));
  if (client === undefined || !hasTool('dockerd', ['--version']) || process.getuid?.() !== 0)
    return undefined;
  const home = join(scratch, 'docker');
  mkdirSync(home, { recursive: true });
  const socket = `unix://${join(home, 'sock')}`;
  const daemon = spawn(
    'dockerd',
    [
      '--iptables=false',
      '--ip6tables=false',
      '--bridge=none',
      '--data-root',
      join(home, 'data'),
      '--exec-root',
      join(home, 'exec'),
      '-H',
      socket,
      '--pidfile',
      join(home, 'pid'),
    ],
    { stdio: 'ignore' },
  );
  const env = { DOCKER_HOST: socket, DOCKER_BUILDKIT: '1' };
  if (!(await answers(client, env, daemon))) {
    daemon.kill();
    return undefined;
  }
  return {
    name: 'BuildKit in Docker',
    async build(name, context, { noCache } = {}) {
      const args = [
        'build',
        '-q',
        '--network',
        'host',
        ...(noCache ? ['--no-cache'] : []),
        '-t',
        name,
        context,
      ];
      const { seconds } = await measure(client, args, env);
      return { seconds, peakMB: peakOf(daemon.pid as number) };
    },
    async stop() {
      const ended = new Promise(resolve => daemon.on('close', resolve));
      daemon.kill('SIGTERM');
      await ended;
    },
  };
}

async function answers(client: string, env: NodeJS.ProcessEnv, daemon: ChildProcess): Promise<boolean> {
  for (let attempt = 0; attempt < 100 && daemon.exitCode === null; attempt++) {
    if (hasTool(client, ['version'], env)) return true;
    await sleep(200);
  }
  return false;
}

function hasTool(name: string, args: string[], env: NodeJS.ProcessEnv = {}): boolean {
  if (name.startsWith('/') && !existsSync(name)) return false;
  try {
    execFileSync(name, args, { stdio: 'ignore', env: { ...process.env, ...env } });
    return true;
  } catch {
    return false;
  }
}
