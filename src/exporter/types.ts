import type { Attestation } from '../attest/types.ts';
import type { BlobStore } from '../content/blobs.ts';
import type { Compression } from '../content/compression.ts';
import type { Descriptor, HistoryEntry, ImageConfig, Platform } from '../image/types.ts';
import type { Registries } from '../registry/registries.ts';
import type { LayerId, ResultLayers, RootFs } from '../snapshot/types.ts';
import type { Store } from '../store/store.ts';
import type { Digest } from '../util/digest.ts';
import type { Annotations } from './annotations.ts';

/**
 * Writes a layer directory as a tar stream in the form of an OCI layer (layer.md), the same bytes each time.
 * `latestTime`: times later than this are written as this; seconds since the epoch.
 */
export type PackLayer = (
  layer: LayerId,
  options: { latestTime?: number | undefined; signal?: AbortSignal | undefined },
) => AsyncIterable<Uint8Array>;

/** What exporters work with. */
export interface ExportServices {
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly pack: PackLayer;
  /** Called before files of layers are read. Throws where this process may not do that yet. */
  readonly beforeRead?: (() => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Where images are pushed. */
  readonly registries?: (() => Promise<Registries>) | undefined;
  /** Tells how far a part of the work is, in bytes; the last call for an id has `current` equal to `total`. */
  readonly status?: ((id: string, current: number, total?: number) => void) | undefined;
}

/** The result of a build for one platform. */
export interface ImageResult {
  /** Empty where some of its layers lie elsewhere. */
  rootFs: RootFs;
  /** Its layers, where some of them lie elsewhere: enough for a push. */
  layers?: ResultLayers | undefined;
  /** `rootfs.diff_ids` is not read; `history` may lack layers, times and the entries of layers. */
  config: ImageConfig;
  /** The part of the history that came with a base image: its times stay, as do those in its layers. */
  baseHistory?: readonly HistoryEntry[] | undefined;
  /** The cache that the image carries, for the field of its config. */
  inlineCache?: string | undefined;
  /** What made a layer, for layers that the history does not tell of. */
  describe?: ((layer: LayerId) => string | undefined) | undefined;
  /** What is to be stated of it. */
  attestations?: readonly Attestation[] | undefined;
}

/** What a build has made. */
export interface BuildOutcome {
  /** One for each platform. */
  results: readonly ImageResult[];
  /** True where they belong into an index, and their files into a directory for each; several always do. */
  index: boolean;
}

/** How an image is written. */
export interface ImageOptions {
  compression: Compression;
  /** Compress also the layers of base images anew, instead of taking them as they came. */
  forceCompression?: boolean | undefined;
  /** `SOURCE_DATE_EPOCH`: no time in the config is later. Seconds since the epoch. */
  epoch?: number | undefined;
  /** No time in a layer made here is later than `epoch` either. */
  rewriteTimestamp?: boolean | undefined;
  /** OCI media types, or Docker's. */
  mediaTypes: 'oci' | 'docker';
  annotations?: Annotations | undefined;
  /** False for attestations in the form of an image, for registries that know no artifacts. */
  ociArtifact?: boolean | undefined;
}

/** An image whose blobs are all in the store, but for layers that lie elsewhere. */
export interface CommittedImage {
  /** Of the manifest, or of the index for several platforms. */
  descriptor: Descriptor;
  /** The image ID as Docker has it; absent for several platforms. */
  configDigest?: Digest;
  parts: { descriptor: Descriptor; configDigest: Digest; platform: Platform }[];
}

export type OutputType = 'image' | 'registry' | 'oci' | 'docker' | 'tar' | 'local' | 'cacheonly';

/** Where the result of a build goes: one `--output`. */
export interface Output {
  type: OutputType;
  /** A path, or `-` for standard output; for `docker` nothing means the running engine. */
  dest?: string;
  /** Full references, from `name=`. */
  names: string[];
  /** For the types that make an image. */
  image: ImageOptions;
  /** For `oci` and `docker`: false for a directory instead of an archive. */
  tar: boolean;
  /** For `tar` and `local`: one directory a platform, also for a single one. */
  platformSplit?: boolean;
  /** For `local`: `delete` removes what was in the directory and is not in the result. */
  mode: 'copy' | 'delete';
  /** For `image`: send it to the registry that its name says. */
  push: boolean;
  pushByDigest: boolean;
  /** The registry may be spoken to without TLS. */
  insecure: boolean;
  /** For `image`: false for an image that gets no name in the store. */
  store: boolean;
  /** For `image`: its layers are to be there as files, also where they need not come for a push. */
  unpack?: boolean;
  /** For `image`: `NAME@DIGEST` in the store too, for each of the names. */
  nameCanonical?: boolean;
  /** For `image`: what goes before `@DIGEST` for one more name, or with `danglingEmptyOnly` for one without others. */
  danglingPrefix?: string;
  danglingEmptyOnly?: boolean;
  /** Whether attestations for images alone go into this one; those of the store and registries take them unless told. */
  attestationInline?: boolean;
  /** For `tar` and `local`: begins the names of files with attestations. */
  attestationPrefix?: string;
}
