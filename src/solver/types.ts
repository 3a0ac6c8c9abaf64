import type { CacheKey } from '../cache/keys.ts';
import type { ProgressSink } from '../progress/types.ts';
import type { Sandbox, SandboxMount } from '../sandbox/types.ts';
import type { LayerStore, RootFs } from '../snapshot/types.ts';
import type { LayerDigests } from '../source/layers.ts';
import type { DigestedTree } from '../source/types.ts';
import type { Store } from '../store/store.ts';
import type { Digest } from '../util/digest.ts';

/** What one output of an operation is: a root file system of the store, or a build context that is only read. */
export type Output = { readonly rootFs: RootFs } | { readonly tree: DigestedTree };

/** A source that knows its key before it is fetched. */
export interface ResolvedSource {
  /** Nothing for a build context, whose users are keyed by the files they read. */
  readonly key: CacheKey | undefined;
  /** Where it comes from, so that two builds of one context can share work: `directory /srv/app`. */
  readonly origin: string;
  /** Fetches and unpacks it, when somebody needs its files. */
  load(progress: SourceProgress): Promise<Output>;
}

export interface SourceProgress {
  /** Tells how far a part of the work is; `total` in the same unit. */
  status(id: string, current: number, total?: number): void;
  readonly signal: AbortSignal;
}

/** Finds what a source operation names. @throws StagecraftError `not-found` or `unsupported` */
export type ResolveSource = (
  identifier: string,
  attrs: Readonly<Record<string, string>>,
  platform: { os: string; architecture: string; variant?: string } | undefined,
) => Promise<ResolvedSource>;

/** Secrets and sockets that a build lends to its processes; they are looked up when a process needs them. */
export interface Lent {
  /** Nothing when there is no such secret. */
  secret(id: string): Promise<Uint8Array | undefined>;
  /** The path of a Unix socket; nothing when there is no such agent. */
  sshSocket(id: string): Promise<string | undefined>;
}

/** What the solver works with, made once for a build. */
export interface SolverServices {
  readonly store: Store;
  readonly layers: LayerStore;
  /** When this build's lease began; milliseconds since the epoch. */
  readonly since: number;
  readonly resolveSource: ResolveSource;
  readonly digests: LayerDigests;
  /** Chosen when the first process runs. */
  sandbox(): Promise<Sandbox>;
  readonly lent: Lent;
  /** Mounts and variables that every process gets and no key knows, such as the host's certificates. */
  readonly ambient: { mounts: SandboxMount[]; env: string[] };
  /** Whether `--allow security.insecure` was given. */
  readonly allowInsecure: boolean;
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

/** How one operation of a finished solve came about. */
export interface StepReport {
  digest: Digest;
  name: string;
  cached: boolean;
  /** Milliseconds; 0 when cached. */
  durationMs: number;
}
