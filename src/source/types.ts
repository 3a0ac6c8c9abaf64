import type { FileTree, LayerId } from '../snapshot/types.ts';
import type { ByteString } from '../util/bytes.ts';
import type { Digest } from '../util/digest.ts';
import type { Pace } from '../util/pace.ts';

/**
 * A text that is equal for equal entries: type, mode, owner, link target or SHA-256 of the data, and extended
 * attributes; never times or inode numbers, nothing of what is below a directory. It holds no NUL.
 */
export type Fingerprint = string;

/** A file tree that knows digests of what is in it, and keeps them between builds. */
export interface DigestedTree extends FileTree {
  /** What it shows, for messages. */
  readonly kind: 'context' | 'repository' | 'download' | 'layers';
  /**
   * A digest over the content of one path, as BuildKit's content checksum has it in spirit: type, mode, owner, link
   * target, data and xattrs, and for a directory every entry below it; never times or inode numbers.
   * `follow` resolves a symlink in the last part first.
   * @throws StagecraftError `not-found`
   */
  contentDigest(path: ByteString, options?: { follow?: boolean }): Promise<Digest>;
  /** The fingerprint of one entry that exists; a promise only where data must be read first. */
  fingerprint(path: ByteString): Fingerprint | Promise<Fingerprint>;
  /** What is known of a regular file's data. */
  fileData(path: ByteString): FileData | Promise<FileData>;
  /** A digest over everything below a directory, without the directory's own metadata. */
  digestBelow(path: ByteString, pace: Pace): Promise<Digest>;
  /** Equal for the names of one file where they are hard links of each other in this tree; nothing for a single name. */
  linkId(path: ByteString): string | undefined;
  /** The layer whose making made this file on disk: the one it lies in, or one that this one links it from. */
  maker(path: ByteString): LayerId | undefined;
  /** Keeps what was learnt for the next build. Call it when the tree is not needed any more. */
  close(): void;
}

export interface FileData {
  /** 64 hex digits. */
  readonly sha256: string;
  /** Whether it has extended attributes that an image keeps. */
  readonly attributes: boolean;
  /** Whether any later change would show in its times; not so right after a change. */
  readonly settled: boolean;
}
