import { caps } from './caps.ts';
import type {
  CacheSharing,
  ExecOp,
  LinuxResources,
  Mount,
  NetworkMode,
  ProxyEnv,
  SecretEnv,
  SecretMount,
  SecurityMode,
  Ulimit,
} from './ops.ts';
import {
  type InputTable,
  metadataOf,
  outputsOf,
  type ResolvedOutput,
  type Tree,
  type VertexOptions,
} from './vertex.ts';
import { compareUtf8 } from './wire.ts';

/** One process. What is not given is empty. */
export interface ExecSpec {
  /** The root file system before. */
  root: Tree;
  args: readonly string[];
  /** `NAME=value`; or how to list them, which is asked for when the operation is encoded. */
  env?: readonly string[] | (() => readonly string[]);
  cwd: string;
  user?: string | undefined;
  hostname?: string | undefined;
  proxyEnv?: Partial<ProxyEnv> | undefined;
  mounts?: readonly ExecMount[];
  /** Secrets as files. */
  secrets?: readonly (SecretMount & { target: string })[];
  secretEnv?: readonly SecretEnv[];
  /** Sockets of the client's SSH agents; the target is chosen if absent. */
  ssh?: readonly (SecretMount & { target?: string | undefined })[];
  network?: NetworkMode;
  security?: SecurityMode;
  extraHosts?: readonly { host: string; ip: string }[];
  ulimits?: readonly Ulimit[];
  cgroupParent?: string | undefined;
  cdiDevices?: readonly { name: string; optional: boolean }[];
  /** Exit codes that are success; 0 if absent. */
  validExitCodes?: readonly number[];
  linuxResources?: LinuxResources | undefined;
}

export interface ExecMount {
  target: string;
  /** The tree that is mounted; the empty one if absent. */
  tree?: Tree;
  /** A path in it. */
  selector?: string | undefined;
  readonly?: boolean;
  /** Writable, but what is written is thrown away. */
  discard?: boolean;
  tmpfs?: { size: number };
  cache?: { id: string; sharing: CacheSharing };
}

export interface Execution {
  /** The root file system after. */
  root: ResolvedOutput;
  /** Another writable mount after. */
  mount(target: string): ResolvedOutput;
}

export function exec(spec: ExecSpec, options: VertexOptions = {}): Execution {
  // The sort is part of the format: an operation whose mounts were given in another order is the same operation.
  const mounts: ExecMount[] = [{ target: '/', tree: spec.root }, ...(spec.mounts ?? [])].sort((a, b) =>
    compareUtf8(a.target, b.target),
  );
  const vertex = {
    inputs: outputsOf(...mounts.map(mount => mount.tree)),
    build: (table: InputTable) => ({ kind: 'exec' as const, ...operation(spec, mounts, table) }),
    platform: options.platform,
    metadata: metadataOf(
      spec.linuxResources === undefined ? options : { ...options, linuxResources: spec.linuxResources },
      features(spec, mounts),
    ),
  };
  const results = mounts.filter(makesResult).map(mount => mount.target);
  const result = (target: string): ResolvedOutput => {
    const index = results.indexOf(target);
    if (index < 0) throw new TypeError(`the mount at ${target} has no result`);
    return { vertex, index };
  };
  return { root: result('/'), mount: result };
}

function makesResult(mount: ExecMount): boolean {
  return !mount.discard && !mount.readonly && mount.cache === undefined && mount.tmpfs === undefined;
}

function operation(spec: ExecSpec, mounts: readonly ExecMount[], table: InputTable): ExecOp {
  const ssh = (spec.ssh ?? []).map((s, i) => ({ ...s, target: s.target || `/run/buildkit/ssh_agent.${i}` }));
  const given = typeof spec.env === 'function' ? spec.env() : (spec.env ?? []);
  const namesAgent = ssh[0] === undefined || given.some(e => e.startsWith('SSH_AUTH_SOCK='));
  const env = namesAgent ? given : [...given, `SSH_AUTH_SOCK=${ssh[0]!.target}`];
  let results = 0;
  const messages: Mount[] = mounts.map(mount => ({
    ...emptyMount,
    input: table.index(mount.tree),
    selector: mount.selector ?? '',
    dest: mount.target,
    output: makesResult(mount) ? results++ : -1,
    readonly: mount.readonly ?? false,
    ...(mount.cache !== undefined && { type: 'cache', cache: mount.cache }),
    ...(mount.tmpfs !== undefined && { type: 'tmpfs', tmpfs: mount.tmpfs }),
  }));
  for (const { target, ...secret } of spec.secrets ?? []) {
    messages.push({ ...emptyMount, dest: target, type: 'secret', secret });
  }
  for (const { target, ...socket } of ssh) {
    messages.push({ ...emptyMount, dest: target, type: 'ssh', ssh: socket });
  }
  return {
    meta: {
      args: [...spec.args],
      env,
      cwd: spec.cwd,
      user: spec.user ?? '',
      ...(spec.proxyEnv !== undefined && { proxyEnv: { ...noProxies, ...spec.proxyEnv } }),
      extraHosts: [...(spec.extraHosts ?? [])],
      hostname: spec.hostname ?? '',
      ulimits: [...(spec.ulimits ?? [])],
      cgroupParent: spec.cgroupParent ?? '',
      removeMountStubsRecursive: true,
      validExitCodes: [...(spec.validExitCodes ?? [])],
    },
    mounts: messages,
    network: spec.network ?? 'sandbox',
    security: spec.security ?? 'sandbox',
    secretEnv: [...(spec.secretEnv ?? [])],
    cdiDevices: [...(spec.cdiDevices ?? [])],
  };
}

const emptyMount = {
  input: -1,
  selector: '',
  output: 0,
  readonly: false,
  type: 'bind',
  resultId: '',
  contentCache: 'default',
} as const;

const noProxies: ProxyEnv = { httpProxy: '', httpsProxy: '', ftpProxy: '', noProxy: '', allProxy: '' };

function features(spec: ExecSpec, mounts: readonly ExecMount[]): string[] {
  const used: string[] = [caps.execMetaBase, caps.execMetaSetsDefaultPath];
  const uses = (cap: string, condition: unknown) => condition && used.push(cap);
  uses(caps.execMetaNetwork, (spec.network ?? 'sandbox') !== 'sandbox');
  uses(caps.execMetaSecurity, spec.security === 'insecure');
  uses(caps.execMetaProxy, spec.proxyEnv !== undefined);
  uses(caps.execMetaUlimit, spec.ulimits?.length);
  uses(caps.execMetaCgroupParent, spec.cgroupParent);
  uses(caps.execMetaCdi, spec.cdiDevices?.length);
  uses(caps.execMetaLinuxResources, spec.linuxResources !== undefined);
  uses(caps.execValidExitCode, spec.validExitCodes !== undefined);
  uses(caps.execMountSecret, spec.secrets?.length || spec.secretEnv?.length);
  uses(caps.execSecretEnv, spec.secretEnv?.length);
  uses(caps.execMountSsh, spec.ssh?.length);
  for (const mount of mounts) {
    uses(caps.execMountSelector, mount.selector);
    if (mount.cache !== undefined) used.push(caps.execMountCache, caps.execMountCacheSharing);
    else if (mount.tmpfs !== undefined) used.push(caps.execMountTmpfs);
    else if (mount.tree !== undefined) used.push(caps.execMountBind);
    uses(caps.execMountTmpfsSize, mount.tmpfs?.size);
    uses(caps.execMountBindReadWriteNoOutput, mount.discard && mount.cache === undefined);
  }
  return used;
}
