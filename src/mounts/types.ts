import type { Metadata } from '../snapshot/types.ts';
import type { ByteString } from '../util/bytes.ts';
import type { Digest } from '../util/digest.ts';

/** A part of a file's content: the whole of a small one, a stretch of a large one. */
export interface Piece {
  /** SHA-256 of its bytes, 64 hex digits. */
  readonly sha256: string;
  /** Bytes. */
  readonly length: number;
}

/** A blob of pieces, one after the other, compressed with zstd. */
export interface Pack {
  readonly digest: Digest;
  /** Bytes of the blob. */
  readonly size: number;
  readonly pieces: readonly Piece[];
}

/** What lies in a cache mount, at a path without a slash in front; that of the mount itself is empty. */
export type MountEntry = { readonly path: ByteString } & (
  | { readonly type: 'directory'; readonly metadata: Metadata }
  | { readonly type: 'file'; readonly metadata: Metadata; readonly pieces: readonly Piece[] }
  | { readonly type: 'symlink'; readonly metadata: Metadata; readonly target: ByteString }
  /** One more name of a file that comes before. */
  | { readonly type: 'link'; readonly target: ByteString }
);

/** The content of a cache mount, by names. */
export interface MountIndex {
  /** What the store calls the mount. */
  readonly name: string;
  /** Each piece of an entry is in one of them. */
  readonly packs: readonly Pack[];
  /** Each after the directory that it lies in; the mount itself first. */
  readonly entries: readonly MountEntry[];
}
