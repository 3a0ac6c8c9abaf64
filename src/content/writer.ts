import { closeSync, fchmodSync, openSync, renameSync, rmSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { type Digest, digestHex, finishDigest, startDigest } from '../util/digest.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';
import { ingestPath, partialPath } from './ingest.ts';

/** What a blob must turn out to be. */
export interface Expected {
  digest?: Digest | undefined;
  /** Bytes. */
  size?: number | undefined;
}

/** A blob by its content, as far as storing it goes. */
export interface StoredBlob {
  digest: Digest;
  /** Bytes. */
  size: number;
}

/** A blob on its way in. Exactly one of `commit`, `abort` and `suspend` ends it. */
export interface BlobWriter {
  /** Where its bytes lie until it is committed. */
  readonly path: string;
  /** How many bytes were there when it began: those that it was resumed with. */
  readonly begun: number;
  /** Takes the next bytes; they may be reused when the promise resolves. */
  write(data: Uint8Array): Promise<void>;
  /**
   * Puts the blob in its place.
   * @throws StagecraftError `integrity` when it is not the expected one; nothing of it is left then
   */
  commit(): Promise<StoredBlob>;
  /** Forgets it. Harmless after `commit`. */
  abort(): Promise<void>;
  /** Leaves what is there to the next writer that resumes; forgets it where none can. Harmless after `commit`. */
  suspend(): Promise<void>;
}

/** Options of `BlobStore.writer`. */
export interface WriterOptions {
  /**
   * Goes on where the last writer of the expected digest stopped, or was killed. Only one at a time may do so: the
   * caller holds a lock.
   */
  readonly resume?: boolean | undefined;
}

/** Runs what must not meet a collection halfway. */
export type Exclusively = <T>(body: () => T) => T;

/** Where a writer puts its blob. */
export interface WriterPlace {
  readonly root: string;
  path(digest: Digest): string;
  readonly exclusively: Exclusively;
}

/** Begins a blob, or goes on with one where an earlier writer of it was suspended or killed. */
export async function startWriter(
  place: WriterPlace,
  expected: Expected = {},
  { resume }: WriterOptions = {},
): Promise<BlobWriter> {
  const { root, exclusively } = place;
  const resumed = resume ? expected.digest : undefined;
  const temporary = resumed === undefined ? ingestPath(root, 'blob') : partialPath(root, digestHex(resumed));
  const file = await openDraft(temporary, resumed !== undefined, exclusively).catch(error => {
    throw cannotWrite(root, error);
  });
  const hash = startDigest();
  let size = 0;
  let ended = false;
  const end = async (): Promise<boolean> => {
    if (ended) return false;
    ended = true;
    await file.close();
    return true;
  };
  const abort = async (): Promise<void> => {
    if (await end()) rmSync(temporary, { force: true });
  };
  try {
    if (resumed !== undefined) size = await digestPart(file, expected.size, hash);
  } catch (error) {
    await abort();
    throw error;
  }
  const begun = size;
  return {
    path: temporary,
    begun,
    abort,
    async suspend() {
      if (size === 0 || resumed === undefined) await abort();
      else await end();
    },
    async write(data) {
      hash.update(data);
      size += data.length;
      if (expected.size !== undefined && size > expected.size) {
        await abort();
        throw new StagecraftError(
          'integrity',
          `The blob ${expected.digest ?? ''} has more than the expected ${expected.size} bytes.`,
        );
      }
      try {
        for (let written = 0; written < data.length; )
          written += (await file.write(data, written, data.length - written, size - data.length + written))
            .bytesWritten;
      } catch (error) {
        await abort();
        throw cannotWrite(root, error);
      }
    },
    async commit() {
      const digest = finishDigest(hash);
      const mismatch =
        expected.size !== undefined && size !== expected.size
          ? `The blob ${expected.digest ?? digest} has ${size} bytes where ${expected.size} were expected.`
          : expected.digest !== undefined && digest !== expected.digest
            ? `The blob ${expected.digest} was expected, but the content has the digest ${digest}.`
            : undefined;
      if (mismatch !== undefined) {
        await abort();
        throw new StagecraftError('integrity', mismatch, {
          hint: 'Get the content again from a source you trust.',
        });
      }
      await end();
      // Also where the blob is there already: this copy was just verified, that one may have been damaged since.
      exclusively(() => renameSync(temporary, place.path(digest)));
      return { digest, size };
    },
  };
}

async function openDraft(path: string, mayExist: boolean, exclusively: Exclusively): Promise<FileHandle> {
  const { open } = await import('node:fs/promises');
  if (!mayExist) return open(path, 'wx', 0o644);
  // Its change time becomes that of now before a collection can look: whoever opened it first has it for good.
  exclusively(() => {
    const fd = openSync(path, 'a', 0o644);
    try {
      fchmodSync(fd, 0o644);
    } finally {
      closeSync(fd);
    }
  });
  return open(path, 'r+');
}

/** Takes in what an earlier writer left, and returns how many bytes those are; more than there may be is cut off. */
async function digestPart(
  file: FileHandle,
  most: number | undefined,
  hash: ReturnType<typeof startDigest>,
): Promise<number> {
  const { size } = await file.stat();
  if (most !== undefined && size > most) {
    await file.truncate(0);
    return 0;
  }
  const piece = Buffer.allocUnsafe(Math.min(size, 1 << 20));
  let at = 0;
  while (at < size) {
    const { bytesRead } = await file.read(piece, 0, piece.length, at);
    if (bytesRead === 0) break;
    hash.update(piece.subarray(0, bytesRead));
    at += bytesRead;
  }
  return at;
}

/** The error of the system as one that names the store; others as they are. */
export function cannotWrite(root: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof StagecraftError || !('code' in error)) return error;
  const hint = isErrno(error, 'ENOSPC', 'EDQUOT')
    ? 'Free some space (`stagecraft prune` does), or set STAGECRAFT_ROOT to another place.'
    : undefined;
  return new StagecraftError('io', `Cannot write into the store ${root}: ${error.message}.`, {
    cause: error,
    hint,
  });
}
