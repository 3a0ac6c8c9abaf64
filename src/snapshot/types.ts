import type { RemoteLayer } from '../image/remote-layer.ts';
import type { ByteString } from '../util/bytes.ts';
import type { Allowance } from './allowance.ts';

/** Names one immutable layer directory of the store. Short, so that hundreds fit into one overlay mount. */
export type LayerId = string;

/**
 * A root file system: layers stacked base first, none for `scratch`. It owns nothing and has no parents, so that
 * LLB's MergeOp is a concatenation, and a layer of `COPY --link` survives a change of base.
 */
export type RootFs = readonly LayerId[];

/** The layers of a result, base first, some of which may lie elsewhere still. */
export type ResultLayers = readonly (LayerId | RemoteLayer)[];

export type EntryType = 'file' | 'directory' | 'symlink' | 'char' | 'block' | 'fifo' | 'socket';

/** What `lstat` tells of one path, as far as an image can hold it. */
export interface Entry {
  readonly type: EntryType;
  /** Permission bits with set-id and sticky: `0o7777` at most. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes; 0 for all but files. */
  readonly size: number;
  /** Nanoseconds since the epoch. */
  readonly mtimeNs: bigint;
  /** Identify the file on disk: equal for hard links. */
  readonly dev: number;
  readonly ino: number;
  readonly nlink: number;
  readonly ctimeNs: bigint;
  /** Device number for `char` and `block`. */
  readonly rdev: { readonly major: number; readonly minor: number };
}

/**
 * A tree of files to read: a stacked root file system, or a build context. Paths are absolute within the tree
 * (`/` is its root), clean, and byte strings. No path, and no symlink in one, leads out of the tree: symlinks resolve
 * as if the process were in a chroot at `/`.
 */
export interface FileTree {
  /** The entry at the path itself, through symlinks in its parents but not in its last part; nothing if absent. */
  lstat(path: ByteString): Entry | undefined;
  /**
   * The path with every symlink resolved, parts that do not exist kept as they are.
   * @throws StagecraftError `confined` on a symlink loop
   */
  resolve(path: ByteString): ByteString;
  /** Names in a directory, in byte order. */
  list(path: ByteString): ByteString[];
  readlink(path: ByteString): ByteString;
  /** Opens a regular file to read; never follows a symlink in the last part. The caller closes it. */
  open(path: ByteString): number;
  /** Extended attributes that an image keeps (`security.capability`, `user.*`), without those overlayfs uses. */
  xattrs(path: ByteString): ReadonlyMap<string, Uint8Array>;
  /**
   * Where the entry lies on disk, if that place cannot change any more (a layer of the store), so that a copy may be
   * a hard link; nothing for a context directory.
   */
  immutablePath(path: ByteString): ByteString | undefined;
}

/** The files of a stacked root file system: what was read of its layers is not read again. */
export interface RootFsTree extends FileTree {
  /** The same with one more directory on top, in overlayfs upper form, which may have changed until then. */
  under(dir: string): FileTree;
}

/** A layer being made. Commit it or discard it; one left behind by a crash is removed by the next collection. */
export interface DraftLayer {
  /** The directory to fill, in overlayfs upper form. */
  readonly dir: string;
  /** An empty directory on the same file system, for overlayfs. */
  readonly workDir: string;
  /** Makes the layer immutable and known to the store, in one rename. */
  commit(): LayerId;
  discard(): void;
}

/** How whiteouts and opaque directories are marked: `trusted.overlay.*` needs root, `user.overlay.*` does not. */
export type OverlayXattrs = 'trusted' | 'user';

/** What an entry carries besides its content. */
export interface Metadata {
  /** Permission bits with set-id and sticky. Without meaning for symlinks. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  /** Extended attributes that an image keeps; none where absent. */
  readonly xattrs?: ReadonlyMap<string, Uint8Array>;
}

export type FileContent =
  | { readonly data: Uint8Array }
  /** An open file, copied from its current offset to its end inside the kernel; the caller closes it. */
  | { readonly fd: number }
  /**
   * A file on disk that never changes ({@link FileTree.immutablePath}): hard linked when it already has the wanted
   * metadata, else copied.
   */
  | { readonly immutable: ByteString };

/**
 * Writes changes to a root file system into a draft layer, in userspace, as overlayfs would have written them. Paths
 * are those of a {@link FileTree}: symlinks in parents resolve within the root, the last part is never followed.
 * Each `put…` and `make…` replaces what was there (a directory with all it holds), except that a directory put on a
 * directory keeps what it holds and changes its metadata. A parent that exists below is copied up with all its
 * metadata; a parent that exists nowhere is an error, so call {@link makeDirectories} first. Times of directories are
 * set by {@link finish}: call it once, before the commit.
 *
 * @throws StagecraftError `not-found` for a missing parent or one that is no directory
 */
export interface LayerWriter {
  /** The files as they stand: those below with all changes so far. */
  readonly tree: FileTree;
  putDirectory(path: ByteString, metadata: Metadata): void;
  /**
   * `mkdir -p`: makes what is missing of a directory and its parents, with this metadata each, following symlinks
   * (also in the last part). Returns the resolved path and the resolved paths of those made, outermost first.
   */
  makeDirectories(path: ByteString, missing: Metadata): { path: ByteString; made: ByteString[] };
  putFile(path: ByteString, content: FileContent, metadata: Metadata): void;
  /**
   * Hard links a file on disk that never changes, as {@link putFile} does, but takes the caller's word that it has just
   * the metadata wanted and no other name in this layer; and does so in the background. Once it has called `settled`,
   * the file is there, or, where it cannot be linked, nothing is; until then leave the path alone.
   */
  linkFile(path: ByteString, immutable: ByteString, settled: (isLinked: boolean) => void): void;
  /** A file to be written piece by piece by the caller through `fd`. Its metadata is set by `close`. */
  createFile(path: ByteString, metadata: Metadata): { readonly fd: number; close(): void };
  putSymlink(path: ByteString, target: ByteString, metadata: Metadata): void;
  putNode(
    path: ByteString,
    type: 'char' | 'block' | 'fifo',
    device: { readonly major: number; readonly minor: number },
    metadata: Metadata,
  ): void;
  /** A second name for a file (not a directory) of the tree, which is copied up if it lies below. */
  putHardLink(path: ByteString, existing: ByteString): void;
  /** Changes metadata in place; copies the entry up if it lies below. What is not given stays. */
  setMetadata(path: ByteString, change: Partial<Metadata>): void;
  /** Removes a path and all below it, with a whiteout where it exists below. False if there was nothing. */
  remove(path: ByteString): boolean;
  /** Sets the times of all directories written. */
  finish(): void;
}

export interface UnpackOptions {
  /** What the archive is, for messages: `the layer sha256:…`. */
  readonly what?: string;
  /** How much it may unpack to. */
  readonly allowance?: Allowance;
  readonly signal?: AbortSignal;
  /** Told of what could not be unpacked here and was left out, such as devices in a user namespace. */
  note?(message: string): void;
}

export interface UnpackedLayer {
  /**
   * True when something had to be taken from the layers below (a directory that the archive has no entry for, a file
   * that it only links to): on other layers the result would differ, so it must be kept by its chainID, not its diffID.
   */
  readonly dependsOnBelow: boolean;
  /** Bytes of content. */
  readonly size: number;
}

/** A layer whose entries were written, all but perhaps its root. */
export interface AppliedLayer extends UnpackedLayer {
  /** True where the archive has an entry for the root; else what lies below decides on it. */
  readonly hasRoot: boolean;
}

/** The layers of a store. */
export interface LayerStore {
  /** How much an archive that has so many bytes as it came may unpack to here. */
  allow(packed: number, what: string): Allowance;
  /**
   * An empty draft. With a root file system below, it is one to be mounted and written to by the kernel: its root
   * directory gets the metadata of the root there, and the commit takes away marks of the kernel's that hide nothing.
   */
  create(below?: RootFs): DraftLayer;
  /** The directory of a layer, in overlayfs upper form. */
  dir(id: LayerId): string;
  /** False when the layer is not there (any more). */
  has(id: LayerId): boolean;
  /** Forgets a layer, then deletes its files. */
  remove(id: LayerId): void;
  /** The files of a stacked root file system. */
  view(rootFs: RootFs): RootFsTree;
  /** A writer into a draft, on top of a root file system. */
  writer(draft: DraftLayer, below: RootFs): LayerWriter;
  /**
   * Unpacks a layer of an image, a tar stream that is no longer compressed, into a draft made without `below`. Give the
   * layers below also where the result is to be found by its own digest only: see {@link UnpackedLayer}.
   * @throws StagecraftError `integrity` for a damaged archive, `confined` for a name or link that leads out of the root
   */
  unpack(
    source: AsyncIterable<Uint8Array>,
    draft: DraftLayer,
    below: RootFs,
    options?: UnpackOptions,
  ): Promise<UnpackedLayer>;
  /** Ends what was unpacked apart from the layers below: gives the root what its archive does not say of it. */
  settle(applied: AppliedLayer, draft: DraftLayer, below: RootFs): Promise<UnpackedLayer>;
  /** Bytes on disk of one layer, from the records where known. */
  size(id: LayerId): number;
  /**
   * Layer directories to mount, base first: those of the root file system, with the lowest ones merged into one (made
   * and recorded if need be) where there are more than one overlay mount can take.
   */
  mountDirs(rootFs: RootFs): string[];
}
