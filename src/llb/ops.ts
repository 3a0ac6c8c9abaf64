/** The operations of LLB as TypeScript sees them: llb.proto with unions for its oneofs and names for its enums. */

/** An edge into a vertex: result `index` of the vertex with that digest. */
export interface Input {
  digest: string;
  index: number;
}

/** As the OCI image specification spells it, image-index.md. */
export interface OpPlatform {
  os: string;
  architecture: string;
  variant?: string;
  'os.version'?: string;
  'os.features'?: string[];
}

export interface Op {
  inputs: Input[];
  /** Absent in the last vertex of a definition, whose only input names the result. */
  op?: Operation;
  platform?: PlatformMessage;
  constraints?: { filter: string[] };
}

/** {@link OpPlatform} as it is encoded. */
export interface PlatformMessage {
  architecture: string;
  os: string;
  variant: string;
  osVersion: string;
  osFeatures: string[];
}

export type Operation =
  | ({ kind: 'exec' } & ExecOp)
  | ({ kind: 'source' } & SourceOp)
  | ({ kind: 'file' } & FileOp)
  | ({ kind: 'build' } & BuildOp)
  | ({ kind: 'merge' } & MergeOp)
  | ({ kind: 'diff' } & DiffOp)
  | ({ kind: 'passthrough' } & PassthroughOp);

export interface SourceOp {
  /** `docker-image://`, `oci-layout://`, `local://`, `git://`, `http://` or `https://` and what to fetch. */
  identifier: string;
  attrs: Record<string, string>;
}

export type NetworkMode = 'sandbox' | 'host' | 'none';
export type SecurityMode = 'sandbox' | 'insecure';

export interface ExecOp {
  meta: ExecMeta;
  mounts: Mount[];
  network: NetworkMode;
  security: SecurityMode;
  secretEnv: SecretEnv[];
  cdiDevices: { name: string; optional: boolean }[];
}

export interface ExecMeta {
  args: string[];
  /** `NAME=value`. */
  env: readonly string[];
  cwd: string;
  /** As `USER` takes it; root if empty. */
  user: string;
  /** Known to the process, no part of the cache key. */
  proxyEnv?: ProxyEnv;
  extraHosts: { host: string; ip: string }[];
  hostname: string;
  ulimits: Ulimit[];
  cgroupParent: string;
  removeMountStubsRecursive: boolean;
  validExitCodes: number[];
}

/** Empty where not set. */
export interface ProxyEnv {
  httpProxy: string;
  httpsProxy: string;
  ftpProxy: string;
  noProxy: string;
  allProxy: string;
}

export interface Ulimit {
  name: string;
  /** -1 is unlimited. */
  soft: number;
  hard: number;
}

export interface SecretEnv {
  id: string;
  name: string;
  optional: boolean;
}

export interface Mount {
  /** Index into the vertex's inputs; -1 mounts an empty file system. */
  input: number;
  /** Path within the input; its root if empty. */
  selector: string;
  dest: string;
  /** Index of the result that this mount makes; -1 for none. */
  output: number;
  readonly: boolean;
  type: 'bind' | 'secret' | 'ssh' | 'cache' | 'tmpfs';
  /** Bytes; 0 for no limit. */
  tmpfs?: { size: number };
  cache?: { id: string; sharing: CacheSharing };
  secret?: SecretMount;
  ssh?: SecretMount;
  resultId: string;
  contentCache: 'default' | 'on' | 'off';
}

export type CacheSharing = 'shared' | 'private' | 'locked';

export interface SecretMount {
  id: string;
  uid: number;
  gid: number;
  mode: number;
  optional: boolean;
}

export interface FileOp {
  actions: FileAction[];
}

export interface FileAction {
  /** Below the number of inputs: one of those. From there on: what an earlier action of this operation made. -1: empty. */
  input: number;
  /** The tree to copy from, counted likewise. */
  secondaryInput: number;
  /** 0 for the action that makes the result; -1 for the others. */
  output: number;
  action?: FileActionKind;
}

export type FileActionKind =
  | ({ kind: 'copy' } & CopyAction)
  | ({ kind: 'mkfile' } & MkfileAction)
  | ({ kind: 'mkdir' } & MkdirAction)
  | ({ kind: 'rm' } & RmAction)
  | ({ kind: 'symlink' } & SymlinkAction);

/** Times in all actions: nanoseconds since the epoch, -1 for none. */
export interface CopyAction {
  src: string;
  dest: string;
  owner?: Owner;
  /** Permission bits; -1 keeps those of the source. */
  mode: number;
  followSymlink: boolean;
  dirCopyContents: boolean;
  attemptUnpack: boolean;
  createDestPath: boolean;
  allowWildcard: boolean;
  allowEmptyWildcard: boolean;
  timestamp: bigint;
  includePatterns: string[];
  excludePatterns: string[];
  alwaysReplaceExistingDestPaths: boolean;
  /** A symbolic mode instead of `mode`, which then counts for nothing; empty for none. */
  modeText: string;
  requiredPaths: string[];
}

export interface MkfileAction {
  path: string;
  mode: number;
  data: Uint8Array;
  owner?: Owner;
  timestamp: bigint;
}

export interface MkdirAction {
  path: string;
  mode: number;
  makeParents: boolean;
  owner?: Owner;
  timestamp: bigint;
}

export interface RmAction {
  path: string;
  allowNotFound: boolean;
  allowWildcard: boolean;
}

export interface SymlinkAction {
  /** What the link says. */
  oldPath: string;
  /** Where the link is. */
  newPath: string;
  owner?: Owner;
  timestamp: bigint;
}

export interface Owner {
  user?: OwnerId;
  group?: OwnerId;
}

/** Exactly one of the two is set. */
export interface OwnerId {
  /** To look up in `/etc/passwd` or `/etc/group` of input `input`. */
  byName?: { name: string; input: number };
  byId?: number;
}

export interface MergeOp {
  inputs: { input: number }[];
}

export interface DiffOp {
  lower?: { input: number };
  upper?: { input: number };
}

export interface BuildOp {
  builder: number;
  inputs: Record<string, { input: number }>;
  attrs: Record<string, string>;
}

export interface PassthroughOp {
  id: string;
  outputs: number[];
}

/** `OpMetadata` of llb.proto. */
export interface MetadataMessage {
  ignoreCache: boolean;
  description: Record<string, string>;
  exportCache?: { value: boolean };
  caps: Record<string, boolean>;
  progressGroup?: { id: string; name: string; weak: boolean };
  linuxResources?: LinuxResources;
}

export interface LinuxResources {
  memory: number;
  memorySwap: number;
  cpuShares: number;
  cpuPeriod: number;
  cpuQuota: number;
  cpusetCpus: string;
  cpusetMems: string;
}

export interface SourceMessage {
  locations: Record<string, { locations: LocationMessage[] }>;
  infos: { filename: string; data: Uint8Array; language: string }[];
}

export interface LocationMessage {
  sourceIndex: number;
  ranges: { start?: PositionMessage; end?: PositionMessage }[];
}

export interface PositionMessage {
  line: number;
  character: number;
}

/** `Definition` of llb.proto. */
export interface DefinitionMessage {
  ops: Uint8Array[];
  metadata: Record<string, MetadataMessage>;
  source?: SourceMessage;
}
