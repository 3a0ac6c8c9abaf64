import { closeSync, fstatSync, realpathSync } from 'node:fs';
import type { Entry } from '../snapshot/types.ts';
import type { Store } from '../store/store.ts';
import { getXattrOfFile } from '../syscall/xattrs.ts';
import type { ByteString } from '../util/bytes.ts';
import type { Digest } from '../util/digest.ts';
import type { Pace } from '../util/pace.ts';
import { contentDigestOf } from './content-digest.ts';
import { ContextDigests } from './context-digests.ts';
import { entryOf } from './context-entry.ts';
import { ContextFiles } from './context-files.ts';
import { digestBelow, fingerprintOf, fingerprintOfFile } from './fingerprint.ts';
import { hashFile } from './hash-file.ts';
import type { DigestedTree, FileData, Fingerprint } from './types.ts';

export interface LocalTreeOptions {
  /** Patterns of `.dockerignore`, in its order, `!` for exceptions. */
  readonly excludePatterns?: readonly string[];
  /** Only what matches one of these is in the tree; all if absent or empty. */
  readonly includePatterns?: readonly string[];
  /** What it is, for messages; a build context unless given. */
  readonly kind?: 'context' | 'repository';
  /** Where digests of the context's files are kept between builds. */
  readonly store?: Store;
}

/** The only extended attribute of a context that reaches an image: others tell of this machine, not of the file. */
const keptAttribute = 'security.capability';
const noXattrs: ReadonlyMap<string, Uint8Array> = new Map();

/**
 * A build context: a directory of this machine, seen through its exclusions, everything owned by root (0:0) as Docker
 * has it, sockets left out. What it told of an entry stays so until it is closed, unless the file turned out changed
 * when it was read.
 */
export class LocalTree implements DigestedTree {
  readonly kind: 'context' | 'repository';
  readonly #files: ContextFiles;
  readonly #digests: ContextDigests;
  readonly #xattrs = new Map<ByteString, ReadonlyMap<string, Uint8Array>>();
  readonly #below = new Map<ByteString, Promise<Digest>>();
  /** Files that are being hashed, so that each is only once at a time. */
  readonly #hashing = new Map<ByteString, Promise<FileData>>();

  /** @throws StagecraftError `not-found` if there is no directory at `root` */
  constructor(root: string, options: LocalTreeOptions = {}) {
    const { includePatterns = [], excludePatterns = [], store } = options;
    this.kind = options.kind ?? 'context';
    this.#files = new ContextFiles(root, includePatterns, excludePatterns);
    this.#digests =
      store === undefined ? ContextDigests.none() : ContextDigests.open(store, realpathSync(root));
  }

  lstat(path: ByteString): Entry | undefined {
    return this.#files.lstat(path);
  }

  resolve(path: ByteString): ByteString {
    return this.#files.resolve(path);
  }

  list(path: ByteString): ByteString[] {
    return this.#files.list(path);
  }

  readlink(path: ByteString): ByteString {
    return this.#files.readlink(path);
  }

  open(path: ByteString): number {
    return this.#files.open(path);
  }

  /** Known of a file once its fingerprint or data were asked for. */
  xattrs(path: ByteString): ReadonlyMap<string, Uint8Array> {
    return this.#xattrs.get(this.#files.place(path)) ?? noXattrs;
  }

  immutablePath(): undefined {
    return undefined;
  }

  contentDigest(path: ByteString, options?: { follow?: boolean }): Promise<Digest> {
    return contentDigestOf(this, path, options);
  }

  fingerprint(path: ByteString): Fingerprint | Promise<Fingerprint> {
    const entry = this.lstat(path);
    if (entry === undefined) throw this.#files.absent(path);
    if (entry.type !== 'file')
      return fingerprintOf(entry, entry.type === 'symlink' ? this.readlink(path) : undefined);
    const data = this.fileData(path);
    if (data instanceof Promise) return data.then(known => this.#filePrint(path, known));
    return this.#filePrint(path, data);
  }

  fileData(path: ByteString): FileData | Promise<FileData> {
    const entry = this.lstat(path);
    if (entry?.type !== 'file') throw this.#files.absent(path);
    const place = this.#files.place(path);
    const known = this.#digests.find(place, entry);
    if (known !== undefined && (!known.attributes || this.#xattrs.has(place))) return known;
    const underWay = this.#hashing.get(place);
    if (underWay !== undefined) return underWay;
    const data = this.#hash(path, entry);
    if (data instanceof Promise) {
      this.#hashing.set(place, data);
      const forget = () => void this.#hashing.delete(place);
      data.then(forget, forget);
    }
    return data;
  }

  linkId(path: ByteString): string | undefined {
    const entry = this.lstat(path);
    return entry === undefined || entry.nlink < 2 ? undefined : `${entry.dev} ${entry.ino}`;
  }

  maker(): undefined {
    return undefined;
  }

  digestBelow(path: ByteString, pace: Pace): Promise<Digest> {
    let digest = this.#below.get(path);
    if (digest === undefined) {
      digest = this.#digestBelow(path, pace);
      this.#below.set(path, digest);
    }
    return digest;
  }

  close(): void {
    this.#digests.save(path => this.#files.isGone(path));
    this.#files.close();
  }

  async #digestBelow(path: ByteString, pace: Pace): Promise<Digest> {
    await this.#files.prepare(path);
    return digestBelow(this, path, pace);
  }

  #filePrint(path: ByteString, data: FileData): Fingerprint {
    return fingerprintOfFile(this.lstat(path)!, data.sha256, data.attributes ? this.xattrs(path) : undefined);
  }

  /**
   * Hashes a file; one that changes meanwhile is hashed again. Where it never stands still its entry stays what it was
   * before, so that whoever copies it finds it changed.
   */
  #hash(path: ByteString, entry: Entry, attempts = 3): FileData | Promise<FileData> {
    const readAt = Date.now();
    const fd = this.open(path);
    const finish = (sha256: string): FileData | Promise<FileData> => {
      const now = entryOf(fstatSync(fd, { bigint: true }));
      const capability = getXattrOfFile(fd, keptAttribute);
      closeSync(fd);
      if (!isSameFile(entry, now) && now.type === 'file' && attempts > 1) {
        this.#files.replace(path, now);
        return this.#hash(path, now, attempts - 1);
      }
      const place = this.#files.place(path);
      if (capability !== undefined) this.#xattrs.set(place, new Map([[keptAttribute, capability]]));
      const data = { sha256, attributes: capability !== undefined };
      return this.#digests.learn(place, entry, data, readAt);
    };
    const fail = (error: unknown): never => {
      closeSync(fd);
      throw error;
    };
    let sha256: string | Promise<string>;
    try {
      sha256 = hashFile(fd, entry.size);
    } catch (error) {
      return fail(error);
    }
    return typeof sha256 === 'string' ? finish(sha256) : sha256.then(finish, fail);
  }
}

function isSameFile(a: Entry, b: Entry): boolean {
  return a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.ino === b.ino;
}
