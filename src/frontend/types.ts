import type { Dockerfile } from '../dockerfile/types.ts';
import type { ImageConfig, Platform } from '../image/types.ts';
import type { Definition } from '../llb/definition.ts';
import type { Digest } from '../util/digest.ts';
import type { SourceRange } from '../util/errors.ts';

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
  /** `--build-context NAME=...`; the values `docker-image://`, `oci-layout://`, ... or a local name. */
  namedContexts: ReadonlyMap<string, NamedContext>;
  /** `.dockerignore` patterns of the main context, in order. */
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
   * Tells a solver on another machine whether it must ask the registry (`pull`) or may use what it has (`local`). It is
   * a part of the operation and so of cache keys; leave it out where `resolveImage` has settled the matter.
   */
  imageResolveMode?: 'default' | 'pull' | 'local' | undefined;
  /** Reads an image's config without its layers. */
  resolveImage: ResolveImage;
}

export type NamedContext =
  | { type: 'image'; ref: string }
  | { type: 'local'; name: string; ignorePatterns: readonly string[] };

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
  /**
   * Without `rootfs.diff_ids`, and without `created` unless there is a source date. The entries of `history` that are
   * not `empty_layer` and the layers of the definition's result match one to one, in order, base first: those of the
   * base image, then one for each RUN, COPY, ADD, and WORKDIR other than `/`, whether or not it changed anything. Our
   * own entries have no `created` unless there is a source date; the exporter fills in the time of the layer.
   */
  config: ImageConfig;
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
