import { openSync } from 'node:fs';
import type { Entry } from '../snapshot/types.ts';
import type { ByteString } from '../util/bytes.ts';
import { bytesFromText, textFromBytes } from '../util/bytes.ts';
import { type Digest, digestHex } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import type { Pace } from '../util/pace.ts';
import { contentDigestOf } from './content-digest.ts';
import { digestBelow, fingerprintOf, fingerprintOfFile } from './fingerprint.ts';
import type { Download } from './http.ts';
import type { DigestedTree, FileData, Fingerprint } from './types.ts';

/** What the file of a download gets besides its content. */
export interface DownloadMetadata {
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

const noXattrs: ReadonlyMap<string, Uint8Array> = new Map();

/** A directory with one file: the download, changed last when the server says, else at the epoch. */
export class DownloadTree implements DigestedTree {
  readonly kind = 'download';
  readonly #download: Download;
  readonly #path: ByteString;
  readonly #file: Entry;
  readonly #root: Entry;

  constructor(download: Download, { mode, uid, gid }: DownloadMetadata) {
    this.#download = download;
    this.#path = `/${bytesFromText(download.filename)}`;
    const mtimeNs = BigInt(download.lastModified?.getTime() ?? 0) * 1_000_000n;
    const common = { dev: 0, nlink: 1, ctimeNs: 0n, mtimeNs, rdev: { major: 0, minor: 0 } };
    this.#file = { ...common, type: 'file', mode, uid, gid, size: download.size, ino: 1 };
    this.#root = { ...common, type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0, ino: 2 };
  }

  lstat(path: ByteString): Entry | undefined {
    return path === '/' ? this.#root : path === this.#path ? this.#file : undefined;
  }

  resolve(path: ByteString): ByteString {
    return path;
  }

  list(path: ByteString): ByteString[] {
    return path === '/' ? [this.#path.slice(1)] : [];
  }

  readlink(path: ByteString): never {
    throw this.#absent(path);
  }

  open(path: ByteString): number {
    if (path !== this.#path) throw this.#absent(path);
    return openSync(this.#download.path, 'r');
  }

  xattrs(): ReadonlyMap<string, Uint8Array> {
    return noXattrs;
  }

  immutablePath(): undefined {
    return undefined;
  }

  contentDigest(path: ByteString, options?: { follow?: boolean }): Promise<Digest> {
    return contentDigestOf(this, path, options);
  }

  fingerprint(path: ByteString): Fingerprint {
    const entry = this.lstat(path);
    if (entry === undefined) throw this.#absent(path);
    return entry.type === 'file'
      ? fingerprintOfFile(entry, this.fileData(path).sha256, undefined)
      : fingerprintOf(entry, undefined);
  }

  fileData(path: ByteString): FileData {
    if (path !== this.#path) throw this.#absent(path);
    return { sha256: digestHex(this.#download.digest), attributes: false, settled: true };
  }

  digestBelow(path: ByteString, pace: Pace): Promise<Digest> {
    return digestBelow(this, path, pace);
  }

  linkId(): undefined {
    return undefined;
  }

  maker(): undefined {
    return undefined;
  }

  close(): void {}

  #absent(path: ByteString): StagecraftError {
    return new StagecraftError(
      'not-found',
      `${textFromBytes(path)} is not the file that was downloaded, ${this.#download.filename}.`,
    );
  }
}
