import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { detectCompression } from '../content/decompress.ts';
import { blockSize, decodeHeader, HeaderError, isZeroBlock } from '../tar/header.ts';
import { finishDigest, startDigest } from '../util/digest.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';
import type { Download } from './http.ts';

/** Bytes that {@link isArchive} wants to see. */
export const archiveStart = blockSize;

/**
 * Whether bytes at the start of a file are those of a tar archive, compressed or not; so Docker tells an archive from a
 * Dockerfile. Unlike Docker it knows zstd, too, and an archive without entries.
 */
export function isArchive(start: Uint8Array): boolean {
  if (detectCompression(start) !== 'none') return true;
  if (start.length < blockSize) return false;
  const block = Buffer.from(start.subarray(0, blockSize));
  if (isZeroBlock(block)) return true;
  try {
    decodeHeader(block);
    return true;
  } catch (error) {
    if (error instanceof HeaderError) return false;
    throw error;
  }
}

/** Keeps what comes as a file of a directory. @throws StagecraftError `io` when it cannot be written */
export async function receiveUpload(
  directory: string,
  filename: string,
  source: AsyncIterable<Uint8Array>,
  { signal, status }: { signal: AbortSignal; status(bytes: number, total?: number): void },
): Promise<Download> {
  const path = join(directory, filename);
  const hash = startDigest();
  let bytes = 0;
  async function* measured(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      hash.update(chunk);
      bytes += chunk.length;
      status(bytes);
      yield chunk;
    }
  }
  try {
    await pipeline(measured(), createWriteStream(path, { mode: 0o600 }), { signal });
  } catch (error) {
    if (!isErrno(error, 'ENOSPC', 'EDQUOT', 'EIO', 'EROFS')) throw error;
    throw new StagecraftError('io', `Cannot write into the store: ${(error as Error).message}.`, {
      hint: 'Free some space (`stagecraft prune` does), or set STAGECRAFT_ROOT to another place.',
      cause: error,
    });
  }
  status(bytes, bytes);
  return { digest: finishDigest(hash), path, filename, size: bytes, lastModified: undefined };
}
