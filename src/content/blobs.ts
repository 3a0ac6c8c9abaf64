import {
  closeSync,
  createReadStream,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Digest, digestHex, digestOf, finishDigest, isDigest, startDigest } from '../util/digest.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';
import { ingestPath } from './ingest.ts';
import {
  type BlobWriter,
  cannotWrite,
  type Exclusively,
  type Expected,
  type StoredBlob,
  startWriter,
  type WriterOptions,
} from './writer.ts';

/** Options of {@link BlobStore.stream}. */
export interface StreamOptions {
  /** Fails at the end with `integrity` when the bytes on disk are not the blob any more. */
  verify?: boolean;
  /** Where to begin, in bytes; what is only a part cannot be verified. */
  from?: number;
}

/** Blobs by digest in the `blobs/sha256` directory of an OCI image layout (image-layout.md). */
export interface BlobStore {
  /** Where the blob lies, or would. */
  path(digest: Digest): string;
  has(digest: Digest): boolean;
  /** Bytes; nothing where the blob is absent. */
  size(digest: Digest): number | undefined;
  /**
   * Says that somebody counts on the blob, so that collection spares it for as long as a lease taken before is held;
   * false where the blob is absent.
   */
  use(digest: Digest): boolean;
  /** A file descriptor to read from. @throws StagecraftError `not-found` */
  open(digest: Digest): number;
  /**
   * A whole small blob, verified.
   * @throws StagecraftError `not-found`; `integrity` when it is longer than `limit` bytes or changed on disk
   */
  read(digest: Digest, limit: number): Buffer;
  stream(digest: Digest, options?: StreamOptions): AsyncIterable<Buffer>;
  writer(expected?: Expected, options?: WriterOptions): Promise<BlobWriter>;
  /** Stores all bytes of the source. @throws what the source throws; `integrity` as {@link BlobWriter.commit} */
  write(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, expected?: Expected): Promise<StoredBlob>;
  /** Stores a small blob at once. */
  put(data: string | Uint8Array): StoredBlob;
}

/**
 * The blobs of the OCI image layout at `root`, whose `ingest/` holds those that are not complete. Where others collect
 * it meanwhile, `exclusively` keeps them away from the moment in which a blob is found or put into its place.
 */
export function openBlobs(root: string, exclusively: Exclusively = body => body()): BlobStore {
  const directory = join(root, 'blobs', 'sha256');
  const path = (digest: Digest): string => {
    if (!isDigest(digest)) throw new StagecraftError('unsupported', `The digest ${digest} is not SHA-256.`);
    return join(directory, digestHex(digest));
  };
  const size = (digest: Digest): number | undefined =>
    statSync(path(digest), { throwIfNoEntry: false })?.size;

  const blobs: BlobStore = {
    path,
    size,
    has: digest => size(digest) !== undefined,
    use(digest) {
      try {
        const now = Date.now() / 1000;
        exclusively(() => utimesSync(path(digest), now, now));
        return true;
      } catch (error) {
        if (isErrno(error, 'ENOENT')) return false;
        // A store that may only be read, such as one on a shared mount, is not collected from here either.
        if (isErrno(error, 'EROFS', 'EPERM', 'EACCES')) return size(digest) !== undefined;
        throw error;
      }
    },
    open(digest) {
      try {
        return openSync(path(digest), 'r');
      } catch (error) {
        throw isErrno(error, 'ENOENT') ? missing(digest, root) : error;
      }
    },
    read(digest, limit) {
      const fd = blobs.open(digest);
      try {
        const stored = size(digest) ?? 0;
        if (stored > limit)
          throw new StagecraftError(
            'integrity',
            `The blob ${digest} has ${stored} bytes; at most ${limit} are allowed here.`,
          );
        const data = readFileSync(fd);
        const actual = digestOf(data);
        if (actual !== digest) throw damaged(digest, actual, root);
        return data;
      } finally {
        closeSync(fd);
      }
    },
    async *stream(digest, options = {}) {
      const hash = options.verify ? startDigest() : undefined;
      const fd = blobs.open(digest);
      for await (const chunk of createReadStream('', {
        fd,
        start: options.from ?? 0,
        highWaterMark: 1 << 18,
      }) as AsyncIterable<Buffer>) {
        hash?.update(chunk);
        yield chunk;
      }
      if (hash === undefined) return;
      const actual = finishDigest(hash);
      if (actual !== digest) throw damaged(digest, actual, root);
    },
    writer: (expected, options) => startWriter({ root, path, exclusively }, expected, options),
    async write(source, expected) {
      const writer = await startWriter({ root, path, exclusively }, expected);
      try {
        for await (const chunk of source) await writer.write(chunk);
        return await writer.commit();
      } catch (error) {
        await writer.abort();
        throw error;
      }
    },
    put(data) {
      const bytes = typeof data === 'string' ? Buffer.from(data) : data;
      const digest = digestOf(bytes);
      if (blobs.use(digest) && size(digest) === bytes.length) return { digest, size: bytes.length };
      const temporary = ingestPath(root, 'blob');
      try {
        writeFileSync(temporary, bytes, { mode: 0o644, flag: 'wx' });
        exclusively(() => renameSync(temporary, path(digest)));
      } catch (error) {
        rmSync(temporary, { force: true });
        throw cannotWrite(root, error);
      }
      return { digest, size: bytes.length };
    },
  };
  return blobs;
}

function missing(digest: Digest, root: string): StagecraftError {
  return new StagecraftError('not-found', `The blob ${digest} is not in the store ${root}.`);
}

function damaged(digest: Digest, actual: Digest, root: string): StagecraftError {
  return new StagecraftError(
    'integrity',
    `The blob ${digest} in the store ${root} is damaged: its content has the digest ${actual}.`,
    { hint: 'Remove the image that uses it, run `stagecraft prune --all`, and get or build it again.' },
  );
}
