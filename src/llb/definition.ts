import type { Digest } from '../util/digest.ts';
import type { SourceRange } from '../util/errors.ts';
import type { LinuxResources } from './ops.ts';

/** What a person or the solver wants to know of an operation, beyond what it does; not part of its digest. */
export interface OpMetadata {
  /** As shown in progress: `[builder 2/5] RUN make`. LLB description key `llb.customname`. */
  name?: string;
  ignoreCache?: boolean;
  /** The Dockerfile instruction behind it. */
  range?: SourceRange;
  /** Other descriptions, such as `com.docker.dockerfile.v1.command`: the instruction as it was written. */
  description?: Record<string, string>;
  /** Features of LLB that a solver must know to run this: `exec.mount.cache`; see caps.ts. */
  caps?: readonly string[];
  /** Vertexes of one group are one step to a display; a weak member is shown only while another one runs. */
  progressGroup?: { id: string; name: string; weak: boolean };
  exportCache?: boolean;
  linuxResources?: LinuxResources;
}

/**
 * A marshalled graph: BuildKit's `pb.Definition`. Each element of `ops` is the deterministic protobuf encoding of one
 * `pb.Op`, inputs before users; the last one has a single input, which names the result. An operation is named by the
 * SHA-256 of its bytes. The empty file system (`FROM scratch` and nothing else) is a definition without any op.
 */
export interface Definition {
  ops: Uint8Array[];
  metadata: Map<Digest, OpMetadata>;
  /** Texts that `metadata` ranges point into, for excerpts: file name to text. */
  sources: Map<string, string>;
}
