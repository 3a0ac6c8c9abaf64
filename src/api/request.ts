import type { AttestationOptions } from '../attest/options.ts';
import type { CacheExport, CacheImport } from '../cache/options.ts';
import type { Annotation } from '../exporter/annotations.ts';
import type { CommittedImage, Output } from '../exporter/types.ts';
import type { Level } from '../lint/check.ts';
import type { CheckOptions } from '../lint/options.ts';
import type { Finding } from '../lint/types.ts';
import type { ProgressSink } from '../progress/types.ts';
import type { StepReport } from '../solver/reporter.ts';
import type { StorageLimits } from '../store/selection.ts';

/** Where a secret's value comes from: a file, or a variable of this process's environment. */
export type SecretSource = { id: string; file: string } | { id: string; env: string };

/** An SSH agent's socket, or private keys for an agent of the build's own. */
export interface SshSource {
  /** `default` unless named. */
  id: string;
  /** A socket or key files; `SSH_AUTH_SOCK` if empty. */
  paths: string[];
  /** Passes on whatever is said to the socket, be it an agent's or not. */
  raw?: boolean;
}

/** All that a build can be asked for: what `stagecraft build` makes of its flags. */
export interface BuildRequest {
  /**
   * The build context: a directory; `-` for a tar archive or a Dockerfile on standard input; a Git repository, such as
   * `https://HOST/PATH.git#REF:SUBDIR`; an http or https address of a tar archive or a Dockerfile.
   */
  context: string;
  /**
   * The Dockerfile: `-` for standard input; an http or https address; else a path, in a context that is not a directory
   * one within it unless it is absolute. `Dockerfile` in the context unless given.
   */
  dockerfile?: string | undefined;
  /** What `-` reads; standard input of this process unless given. */
  stdin?: AsyncIterable<Uint8Array> | undefined;
  target?: string | undefined;
  /** Further stages, by name or number, that must succeed for anything to be written: tests and linters. */
  require?: string[];
  buildArgs?: Record<string, string>;
  labels?: Record<string, string>;
  /** Names for the image: `-t`. */
  tags?: string[];
  /** Annotations for every output that makes an image. */
  annotations?: Annotation[];
  /** What is to be stated of the result, in every output that can hold it. */
  attestations?: AttestationOptions;
  /** Has the metadata tell what the result was made of: `max` with graph and times. */
  metadataProvenance?: 'min' | 'max' | undefined;
  /** What of the Git commit that the context is at is told, and where; nothing unless given. */
  commit?: {
    /** In labels: `org.opencontainers.image.revision` and `.source`. */
    labels: boolean;
    /** In provenance. */
    provenance: boolean;
    /** A commit that files differ from is marked: `-dirty`. Takes a look at every file. */
    checkDirty: boolean;
  };
  /** Where the result goes; into the store unless given. */
  outputs?: Output[];
  /** Caches of other machines, asked in this order where the store has no answer. */
  cacheFrom?: CacheImport[];
  /** Where other machines may find what this build makes. */
  cacheTo?: CacheExport[];
  /** True for all stages, or the names of stages that must run again. */
  noCache?: boolean | string[];
  /** Asks registries also for base images that the store has. */
  pull?: boolean | undefined;
  /**
   * `os/architecture[/variant]` or `local`; this machine's unless given. Several make an image index, in this order.
   */
  platforms?: string[];
  network?: 'default' | 'host' | 'none';
  /** `[host, address]`. */
  addHosts?: [string, string][];
  /** Bytes. */
  shmSize?: number | undefined;
  ulimits?: { name: string; soft: number; hard: number }[];
  cgroupParent?: string | undefined;
  secrets?: SecretSource[];
  ssh?: SshSource[];
  /** Asks for the passphrase of a key file of {@link ssh}; nothing if there is nobody to ask. */
  askPassphrase?: (file: string) => Promise<string | undefined>;
  /**
   * `--build-context NAME=PLACE`: a directory, `docker-image://REFERENCE`, `oci-layout://PATH[:TAG][@DIGEST]`, a Git
   * repository, or an http or https address.
   */
  namedContexts?: Record<string, string>;
  /** `security.insecure`, `network.host`, `device` and `device=NAME[,alias=NAME]`. */
  allow?: string[];
  /** How many steps run at once; the number of processors, and at least four, unless given. */
  jobs?: number | undefined;
  /** Lets processes trust the certificates that this machine trusts, and leaves no trace of them in the image. */
  trustHostCa?: boolean;
  /** `SOURCE_DATE_EPOCH`, seconds since the epoch: no time in the config is later. */
  sourceDateEpoch?: number | undefined;
  /** The store's directory; the usual place unless given. */
  store?: string | undefined;
  /** How large the store may be; what was not used for longest is removed once the build is done. No limit unless given. */
  storageLimits?: StorageLimits | undefined;
  /**
   * Bytes that a layer of an image, or an archive that ADD unpacks, may unpack to; 0 for any number. 16 GiB or a hundred
   * times its own size, whichever is more, unless given.
   */
  maxLayerSize?: number | undefined;
  /** Which checks are applied: warnings, unless advice is asked for; and what `# check=` may say, on top of it. */
  checks?: { level?: Level; options?: Partial<CheckOptions> };
  onProgress?: ProgressSink;
  /** Told what the checks found, with the text of the Dockerfile: before anything runs, and once it is built. */
  onWarnings?: (warnings: readonly Finding[], text: string) => void;
  signal?: AbortSignal;
}

/** What a build made. */
export interface BuildResult {
  /** The image as it is in the store; absent where no output wanted one. */
  image?: CommittedImage;
  /** Full references that the image now has. */
  names: string[];
  /** What `--metadata-file` holds. */
  metadata: Record<string, unknown>;
  steps: StepReport[];
  warnings: Finding[];
  durationMs: number;
}
