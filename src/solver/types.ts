import type { RecordKey } from '../cache/buildkit/key.ts';
import type { CacheKey } from '../cache/keys.ts';
import type { CacheRecords } from '../cache/records.ts';
import type { SharedCache } from '../cache/shared.ts';
import type { DeviceRegistry } from '../cdi/registry.ts';
import type { Edge } from '../llb/index.ts';
import type { ProgressSink } from '../progress/types.ts';
import type { Sandbox, SandboxMount } from '../sandbox/types.ts';
import type { LayerStore, ResultLayers, RootFs } from '../snapshot/types.ts';
import type { LayerDigests } from '../source/layers.ts';
import type { DigestedTree } from '../source/types.ts';
import type { ServeConnection } from '../ssh/agent.ts';
import type { Store } from '../store/store.ts';
import type { Digest } from '../util/digest.ts';
import type { Limit } from './limit.ts';
import type { Reporter } from './reporter.ts';

/** What one output of an operation is: a root file system of the store, or a build context that is only read. */
export type Output = { readonly rootFs: RootFs } | { readonly tree: DigestedTree };

/** A source that knows its key before it is fetched. */
export interface ResolvedSource {
  /** Nothing for a build context, whose users are keyed by the files they read. */
  readonly key: CacheKey | undefined;
  /** Where it comes from, so that two builds of one context can share work: `directory /srv/app`. */
  readonly origin: string;
  /** The texts that shared caches key it by; none for a build context. See `cache/buildkit/source.ts`. */
  sharedKeys?(): Promise<readonly string[]>;
  /** Fetches and unpacks it, as far as that is not done yet, when somebody needs its files. */
  load(progress: SourceProgress): Promise<Output>;
  /** Its layers as they are, with nothing fetched; absent where there are none before it is loaded. */
  layers?(): Promise<ResultLayers>;
}

export interface SourceProgress {
  /** Tells how far a part of the work is; `total` in the same unit. */
  status(id: string, current: number, total?: number): void;
  readonly signal: AbortSignal;
  /** Called before files are unpacked into layers: see {@link SolverServices.beforeWork}. */
  beforeWork(): void;
}

/**
 * Finds what a source operation names, as far as its key needs it.
 * @throws StagecraftError `not-found`, `unsupported`, and what fetching over the network throws
 */
export type ResolveSource = (
  identifier: string,
  attrs: Readonly<Record<string, string>>,
  platform: { os: string; architecture: string; variant?: string } | undefined,
  progress: SourceProgress,
) => Promise<ResolvedSource>;

/** Secrets and sockets that a build lends to its processes; they are looked up when a process needs them. */
export interface Lent {
  /** Nothing when there is no such secret. */
  secret(id: string): Promise<Uint8Array | undefined>;
  /** Answers connections to the SSH agent of that name; nothing when there is no such agent. */
  sshAgent(id: string): Promise<ServeConnection | undefined>;
}

/** What the user lets steps have beyond the usual: `--allow`. */
export interface Rights {
  readonly insecure: boolean;
  readonly hostNetwork: boolean;
  /** All devices, or those of these names; each with the device that is meant by it. */
  readonly devices: 'all' | ReadonlyMap<string, string>;
}

/** A cache mount that the store does not have yet. */
export interface NewCacheMount {
  /** What the store calls it, and for people. */
  readonly name: string;
  readonly title: string;
  /** The name that its directory will have in `mounts/`. */
  readonly directory: string;
  /** A path where nothing is, to be made its directory. */
  readonly draft: string;
}

/** What the solver works with, made once for a build. */
export interface SolverServices {
  readonly store: Store;
  readonly layers: LayerStore;
  /** When this build's lease began; milliseconds since the epoch. */
  readonly since: number;
  readonly resolveSource: ResolveSource;
  readonly digests: LayerDigests;
  /** What other machines made, asked where the store has no record. */
  readonly shared?: SharedCache | undefined;
  /** Fills a new cache mount with what another machine had in it, before it is put in its place; false without that. */
  readonly restoreMount?: ((mount: NewCacheMount, signal: AbortSignal) => Promise<boolean>) | undefined;
  /** Chosen when the first process runs. */
  sandbox(): Promise<Sandbox>;
  readonly lent: Lent;
  /** Mounts and variables that every process gets and no key knows, such as the host's certificates. */
  readonly ambient: {
    mounts: SandboxMount[];
    env: string[];
    /** What the first process is told to mind. */
    notice?: { readonly message: string; readonly detail: string };
  };
  /** What `--allow` lets steps have. */
  readonly rights: Rights;
  /** The devices of the machine, read when the first step asks for one. */
  devices(): Promise<DeviceRegistry>;
  /** How many operations run at once. */
  readonly jobs: number;
  readonly progress: ProgressSink;
  readonly signal: AbortSignal;
  /**
   * Called before anything runs, is unpacked or written. Throws where this process may not do that yet
   * (an ordinary user outside of a user namespace).
   */
  beforeWork(): void;
}

/** What the steps of one solve share. */
export interface StepContext {
  readonly services: SolverServices;
  readonly records: CacheRecords;
  readonly limit: Limit;
  /** Makes keys of this solve's uncached results unlike all others. */
  readonly nonce: string;
  /** Results that are being made now, by key: equal work is done once, though its definitions differ. */
  readonly running: Map<CacheKey, Promise<Output[]>>;
  step(digest: Digest): StepResult;
  /** Stops the solve, for what went wrong in this step. */
  fail(error: unknown, digest: Digest): void;
}

/** What steps ask of those that they stand on. */
export interface StepResult {
  /** Where a source comes from; empty for other steps. */
  readonly origin: string;
  /** Whether a shared cache knows the result, but has it not: it would have to be made here. */
  readonly isOnlyNamed: boolean;
  /** The key of the result; nothing for a build context, which is known by the files that are read. */
  evaluate(): Promise<CacheKey | undefined>;
  /** The results, made if need be. */
  outputs(): Promise<Output[]>;
  output(edge: Edge): Promise<Output>;
  /** One result as a root file system; a build context is copied into a layer. */
  rootFs(index: number): Promise<RootFs>;
  /** One result as layers, without fetching those that lie elsewhere. */
  layers(index: number): Promise<ResultLayers>;
  /** One result as files to look at. */
  tree(index: number): Promise<DigestedTree>;
  /** The same where nothing has to be fetched for it. */
  treeAtHand(index: number): Promise<DigestedTree | undefined>;
  /** The keys that one result goes by in caches that machines share, once `evaluate` has ended. */
  recordKeys(index: number): Promise<readonly RecordKey[]>;
}

/** An operation that changes files: a process or a file operation. */
export interface Work {
  /** True when the result depends on the files of an input in a way that its key does not tell best. */
  readonly readsContent: boolean;
  /** True when nothing builds on this input: its files are only read. */
  onlyReads(input: number): boolean;
  /**
   * For each input what the key by content holds of it.
   * @param inputKeys the inputs' own keys; empty for a build context that is only read
   */
  content(inputKeys: readonly string[], reporter: Reporter): Promise<string[]>;
  run(inputs: readonly Output[], reporter: Reporter): Promise<WorkResult>;
}

export interface WorkResult {
  /** Null for an output that the operation does not have. */
  outputs: (RootFs | null)[];
  /** False when the key does not describe what came out. */
  cacheable: boolean;
}
