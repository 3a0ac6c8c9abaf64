import { randomBytes } from 'node:crypto';
import { parsePlatform } from '../image/platform.ts';
import type { ContainerConfig } from '../image/types.ts';
import type { ExitStatus, SandboxMount, SandboxSpec } from '../sandbox/types.ts';
import { openLayerStore } from '../snapshot/layer-store.ts';
import { resolveUser } from '../snapshot/users.ts';
import { blobsOf } from '../store/blobs.ts';
import { findImage } from '../store/images.ts';
import { readImage } from '../store/inspect.ts';
import { takeLease } from '../store/leases.ts';
import { openStore } from '../store/store.ts';
import { StagecraftError } from '../util/errors.ts';
import { ambientOf } from './ambient.ts';
import { type CollectOptions, collectOrTell } from './collect.ts';
import { requireNamespace } from './namespace.ts';
import { type PublishedPort, publishPorts } from './ports.ts';
import { workGate } from './work-gate.ts';

/** A container to run from an image of the store. What is not given is as the image says. */
export interface RunRequest extends CollectOptions {
  readonly image: string;
  readonly args?: readonly string[];
  /** Replaces the image's entrypoint, and its command with it; empty for none. */
  readonly entrypoint?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string>>;
  readonly workdir?: string | undefined;
  readonly user?: string | undefined;
  /** The machine's network unless `none`. */
  readonly network?: 'host' | 'none';
  readonly ports?: readonly PublishedPort[];
  readonly hostname?: string | undefined;
  readonly addHosts?: readonly (readonly [host: string, address: string])[];
  readonly mounts?: readonly SandboxMount[];
  /** All capabilities and no system call filter. */
  readonly privileged?: boolean;
  /** Bytes. */
  readonly shmSize?: number | undefined;
  readonly ulimits?: readonly { name: string; soft: number; hard: number }[];
  readonly platform?: string | undefined;
  readonly trustHostCa?: boolean;
  readonly tty?: boolean;
  /** This process's standard streams, or who takes the output; then there is no input. */
  readonly stdio: SandboxSpec['stdio'];
  readonly store?: string | undefined;
  /** Bytes that a layer may unpack to, 0 for any number; what is usual unless given. */
  readonly maxLayerSize?: number | undefined;
  /** Takes, once the process is started, a function that sends it a signal. */
  readonly onStart?: (send: (signal: NodeJS.Signals) => void) => void;
}

const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Runs a container to its end. What it wrote, beyond mounts, is gone then.
 * @throws StagecraftError `not-found` without such an image; `build` with the exit code 126 or 127 where the command
 *   cannot be run; `unsupported` where the machine does not allow it
 * @throws NamespaceRequired where an ordinary user must first enter a user namespace
 */
export async function run(request: RunRequest): Promise<ExitStatus> {
  requireNamespace();
  const signal = request.signal ?? new AbortController().signal;
  const store = openStore(request.store);
  const lease = takeLease(store);
  const ports = await publishPorts(request.ports ?? []);
  try {
    workGate(store)();
    const blobs = blobsOf(store);
    const layers = openLayerStore(store, { maxUnpacked: request.maxLayerSize });
    const platform = request.platform === undefined ? undefined : parsePlatform(request.platform);
    const image = readImage(blobs, findImage(store, request.image).descriptor, platform);
    const config = image.config.config ?? {};
    const args = commandOf(request, config);
    const { unpackImage } = await import('../source/image.ts');
    const rootFs = await unpackImage({ store, blobs, layers, signal }, image);
    const view = layers.view(rootFs);
    const user = resolveUser(view, request.user ?? config.User ?? '');
    const { chooseSandbox } = await import('../sandbox/choose.ts');
    const { requireRunnable } = await import('../sandbox/emulation.ts');
    const ambient = await ambientOf(request);
    const hostname = request.hostname ?? randomBytes(6).toString('hex');
    const env = environmentOf(request, config, { home: user.home, hostname, ambient: ambient.env });
    const cwd = request.workdir ?? (config.WorkingDir || '/');
    const mounted = (request.mounts ?? []).map(({ target }) => target);
    await requireRunnable(view, { args, env, cwd, mounted }, store.path('ingest'));
    const draft = layers.create(rootFs);
    try {
      return await (await chooseSandbox()).run({
        layers: layers.mountDirs(rootFs),
        view,
        upper: { dir: draft.dir, workDir: draft.workDir },
        mounts: [...ambient.mounts, ...(request.mounts ?? [])],
        args,
        env,
        cwd,
        user: { uid: user.uid, gid: user.gid, additionalGids: [...user.additionalGids] },
        network: request.network ?? 'host',
        hostname,
        extraHosts: (request.addHosts ?? []).map(([host, address]) => [host, address]),
        security: request.privileged ? 'insecure' : 'sandbox',
        ...(request.shmSize !== undefined && { shmSize: request.shmSize }),
        ...(request.ulimits?.length && { ulimits: [...request.ulimits] }),
        ...(request.tty && { tty: true }),
        stdio: request.stdio,
        signal,
        ...(request.onStart && { onStart: request.onStart }),
      });
    } finally {
      draft.discard();
    }
  } finally {
    ports.close();
    lease.release();
    await collectOrTell(store, request);
    store.close();
  }
}

/** The process's arguments: entrypoint and command, as OCI image configuration and `docker run` combine them. */
function commandOf(request: RunRequest, config: ContainerConfig): string[] {
  const given = request.args ?? [];
  const entrypoint = request.entrypoint ?? config.Entrypoint ?? [];
  const command = given.length > 0 || request.entrypoint ? given : (config.Cmd ?? []);
  const args = [...entrypoint, ...command];
  if (args.length > 0) return args;
  throw new StagecraftError('usage', `The image ${request.image} names no command to run.`, {
    hint: 'Give one after the name of the image.',
  });
}

/** Variables, later ones before earlier ones of the same name. */
function environmentOf(
  request: RunRequest,
  config: ContainerConfig,
  own: { home: string; hostname: string; ambient: readonly string[] },
): string[] {
  const all = [
    defaultPath,
    `HOSTNAME=${own.hostname}`,
    `HOME=${own.home}`,
    ...(request.tty ? ['TERM=xterm'] : []),
    ...own.ambient,
    ...(config.Env ?? []),
    ...Object.entries(request.env ?? {}).map(([name, value]) => `${name}=${value}`),
  ];
  return [...new Map(all.map(variable => [variable.slice(0, variable.indexOf('=')), variable])).values()];
}
