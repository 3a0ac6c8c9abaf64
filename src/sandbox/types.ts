import type { Socket } from 'node:net';
import type { RootFsTree } from '../snapshot/types.ts';
import type { ByteString } from '../util/bytes.ts';

/** One mount besides the root, on top of the usual `/proc`, `/dev`, `/sys`, ... */
export type SandboxMount =
  | { type: 'bind'; source: string; target: string; readonly: boolean }
  /** Stacked layer directories, base first, mounted read-only, or writable with all changes in `upper`. */
  | {
      type: 'overlay';
      layers: string[];
      upper?: { dir: string; workDir: string };
      target: string;
      selector?: string;
    }
  /** `size` in bytes. */
  | { type: 'tmpfs'; target: string; size?: number; mode?: number }
  /** A file in memory only, gone with the process. */
  | { type: 'secret'; target: string; data: Uint8Array; uid: number; gid: number; mode: number }
  /** A Unix socket made for this process alone; whoever connects is answered by `serve`. */
  | {
      type: 'socket';
      serve: (connection: Socket) => void;
      target: string;
      uid: number;
      gid: number;
      mode: number;
    };

/** A device node, as it is on the machine (`source`) and for the process (`target`). */
export interface DeviceNode {
  readonly source: string;
  readonly target: string;
  /** Character device, block device or pipe; that of `source`, unless given. */
  readonly type?: 'b' | 'c' | 'p';
  readonly major?: number;
  readonly minor?: number;
  /** Permission bits and owner; those of `source`, and the process's user, unless given. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** A mount in the words of mount(8). */
export interface DeviceMount {
  readonly source: string;
  readonly target: string;
  readonly options: readonly string[];
  readonly type?: string;
}

/** A program to run around the start of the process (OCI runtime specification, "POSIX-platform Hooks"). */
export interface DeviceHook {
  readonly name:
    | 'prestart'
    | 'createRuntime'
    | 'createContainer'
    | 'startContainer'
    | 'poststart'
    | 'poststop';
  readonly path: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  /** Seconds. */
  readonly timeout?: number;
}

/** What devices change about a process (CDI specification, "Container edits"). */
export interface DeviceEdits {
  /** `NAME=value`. */
  readonly env: readonly string[];
  readonly nodes: readonly DeviceNode[];
  readonly mounts: readonly DeviceMount[];
  readonly hooks: readonly DeviceHook[];
  readonly additionalGids: readonly number[];
}

/** A process to run in a root file system of its own. */
export interface SandboxSpec {
  /** Layer directories on disk, base first. */
  layers: string[];
  /** The files of these layers, where they were looked at before: else they are read anew. */
  view?: RootFsTree;
  /** Where changes go; without it the root is read-only. */
  upper?: { dir: string; workDir: string };
  mounts: SandboxMount[];
  devices?: DeviceEdits;
  args: string[];
  /** `NAME=value`. */
  env: string[];
  cwd: string;
  user: { uid: number; gid: number; additionalGids: number[] };
  network: 'host' | 'none';
  hostname: string;
  /** Lines for `/etc/hosts` beyond the usual: `[host, address]`. */
  extraHosts: [string, string][];
  /** `insecure` runs with all capabilities and no seccomp filter. */
  security: 'sandbox' | 'insecure';
  shmSize?: number;
  ulimits?: { name: string; soft: number; hard: number }[];
  cgroupParent?: string;
  /** Allocates a terminal and connects this process's own, for `stagecraft run -it`. */
  tty?: boolean;
  /** `inherit` gives the process this process's standard streams. Else output goes to the callback. */
  stdio: 'inherit' | ((stream: 1 | 2, data: Uint8Array) => void);
  /** Standard input when `stdio` is a callback: nothing, unless given. */
  stdin?: Uint8Array;
  signal?: AbortSignal;
  /** Takes, once the process is started, a function that sends it a signal: for forwarding those this process gets. */
  onStart?: (send: (signal: NodeJS.Signals) => void) => void;
}

export interface ExitStatus {
  /** The exit code; 128 + signal when a signal ended it. */
  code: number;
  /** True when the kernel's out-of-memory killer ended it, as far as can be told. */
  outOfMemory?: boolean;
}

/** One rung of the ladder: crun, runc, or the built-in one over `unshare`. */
export interface Sandbox {
  readonly name: string;
  /**
   * Runs to the end. Mounts, namespaces and every process started are gone when this returns, and also when this
   * process dies, however it dies.
   * @throws StagecraftError `unsupported` when the machine does not allow it; `cancelled` when `signal` fired
   */
  run(spec: SandboxSpec): Promise<ExitStatus>;
}

/** The path of an executable or file inside a root file system, as byte string. */
export type InnerPath = ByteString;
