import type { Dockerfile } from '../dockerfile/types.ts';
import type { HistoryEntry, ImageConfig, Platform } from '../image/types.ts';
import type { Definition } from '../llb/definition.ts';
import type { Digest } from '../util/digest.ts';
import type { SourceRange } from '../util/errors.ts';
import type { GitRef } from './git-ref.ts';

/** What the Dockerfile frontend is asked for: the part of a build request that shapes the graph. */
export interface FrontendRequest {
  /** The Dockerfile's text and the name to show for it. */
  dockerfile: {
    text: Uint8Array;
    name: string /** The text parsed, where that is done. */;
    file?: Dockerfile;
  };
  /** `--target`: a stage name or number; the last stage if absent. */
  target?: string | undefined;
  /** `--require`: further stages to plan, by name or number, whose success the image depends on. */
  required?: readonly string[] | undefined;
  /** Also makes graphs of what the Dockerfile wants bills of materials of. */
  scans?: boolean | undefined;
  /** True to go through all stages, also those that the target does not need: for checks. */
  allStages?: boolean | undefined;
  /** `--build-arg`; a name without value is already resolved from the environment. */
  buildArgs: ReadonlyMap<string, string>;
  labels: ReadonlyMap<string, string>;
  /** The platform to build for, and the one that builds. */
  targetPlatform: Platform;
  buildPlatform: Platform;
  /**
   * True if nobody asked for `targetPlatform`: the result is then of the platform that its base image says, also
   * where that is another one.
   */
  implicitPlatform?: boolean | undefined;
  /** True if one of several platforms is built: names of steps then tell which. */
  multiPlatform?: boolean | undefined;
  /** `--no-cache`: true for all, or the stages of `--no-cache-filter`. */
  noCache: boolean | readonly string[];
  /** `--build-context NAME=...`, by names as {@link NamedContext}s stand in for them. */
  namedContexts: ReadonlyMap<string, NamedContext>;
  /** The build context where it is no directory of the client. */
  remoteContext?: RemoteContext | undefined;
  /** `.dockerignore` patterns of the main context, in order; none where it is remote. */
  ignorePatterns: readonly string[];
  networkMode: 'default' | 'none' | 'host';
  /** Host name and address. */
  extraHosts: readonly [string, string][];
  hostname?: string | undefined;
  /** Bytes of `/dev/shm`. */
  shmSize?: number | undefined;
  ulimits?: readonly { name: string; soft: number; hard: number }[] | undefined;
  cgroupParent?: string | undefined;
  /** Seconds since the epoch: `SOURCE_DATE_EPOCH`. A build argument of that name counts too. */
  sourceDateEpoch?: number | undefined;
  /**
   * Seconds since the epoch: when the build context, where it is a Git repository, a download or an archive, was made.
   * It is what `SOURCE_DATE_EPOCH=context` means, and asked for then alone.
   */
  contextDate?: (() => number | undefined) | undefined;
  /**
   * Tells a solver on another machine whether it must ask the registry (`pull`) or may use what it has (`local`). It is
   * a part of the operation and so of cache keys; leave it out where `resolveImage` has settled the matter.
   */
  imageResolveMode?: 'default' | 'pull' | 'local' | undefined;
  /** Reads an image's config without its layers. */
  resolveImage: ResolveImage;
  /** The same for an image in a layout; needed where there is a named context of that kind. */
  resolveLayout?: ((store: string, ref: string, platform: Platform) => Promise<ResolvedImage>) | undefined;
}

export type RemoteContext =
  | GitContext
  /** With `archive` the context is what is in the file, else the file itself. */
  | { type: 'http'; url: string; archive: boolean };

export interface GitContext {
  type: 'git';
  /** As the user wrote it. */
  address: string;
  ref: GitRef;
  /** Where {@link ref} does not say. */
  keepGitDir?: boolean | undefined;
  mtime?: 'checkout' | 'commit' | undefined;
}

/** What stands in for a stage or an image. A download is a directory with one file, an archive or not. */
export type NamedContext =
  | { type: 'image'; ref: string }
  | { type: 'local'; name: string; ignorePatterns: readonly string[] }
  | { type: 'http'; url: string }
  | GitContext
  /** An image in an OCI layout of the client, which knows the layout by `store`. */
  | { type: 'oci-layout'; store: string; digest: Digest };

/**
 * Finds the image that a reference names for a platform. Nothing means that it is not at hand and that planning goes on
 * without its config: good enough for checks, never for a build.
 * @throws StagecraftError `not-found`
 */
export type ResolveImage = (ref: string, platform: Platform) => Promise<ResolvedImage | undefined>;

export interface ResolvedImage {
  /** The normalised reference: `docker.io/library/debian:bookworm`. */
  name: string;
  /** Of the manifest (or of the index that lists it); pins the source in the graph. */
  digest: Digest;
  config: ImageConfig;
}

/** What the frontend makes: the graph, and the image config to put around its result. */
export interface FrontendResult {
  /** The platform that was asked for, normalised. */
  platform: Platform;
  definition: Definition;
  /** The stages that must succeed besides, in the order in which they were asked for. */
  required: { stage: string; definition: Definition }[];
  /** What the Dockerfile wants bills of materials of besides, where that was asked for. */
  scanned: { name: string; definition: Definition }[];
  /**
   * Without `rootfs.diff_ids`, and without `created` unless there is a source date. The entries of `history` that are
   * not `empty_layer` and the layers of the definition's result match one to one, in order, base first: those of the
   * base image, then one for each RUN, COPY, ADD, and WORKDIR other than `/`, whether or not it changed anything. Our
   * own entries have no `created` unless there is a source date; the exporter fills in the time of the layer.
   */
  config: ImageConfig;
  /** The entries of the history that came with the base image; none without one. */
  baseHistory: readonly HistoryEntry[];
  /** For each layer the line of the instruction that made it, from 1; null for those that came with the base image. */
  layerLines: readonly (number | null)[];
  warnings: FrontendWarning[];
  /** Stages that the target reaches, in order, for displays. `base` as resolved: a pinned image, a stage, `scratch`. */
  stages: { name: string; index: number; base: string }[];
}

export interface FrontendWarning {
  rule: string;
  message: string;
  description: string;
  url?: string;
  range: SourceRange;
}
