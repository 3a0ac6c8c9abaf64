import { existsSync, rmSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { ingestPath } from '../content/ingest.ts';
import { type Digest, finishDigest, startDigest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { publicAddress } from './archive.ts';
import type { Fetcher } from './fetcher.ts';

/** A file whose content is known beforehand by a signed list. */
export interface Expected {
  readonly address: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/** The whole content of a small file. */
export async function fetchSmall(fetcher: Fetcher, address: string, limit = 32 << 20): Promise<Buffer> {
  return fetcher.fetch(address, async content => {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of content as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit)
        throw new StagecraftError('integrity', `${publicAddress(address)} is larger than ${limit} bytes.`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, size);
  });
}

/**
 * Fetches a file to a place, verified before it gets there. A file that is there already was verified when it came.
 * @param root of the store, in which the place lies
 * @param onBytes told the number of bytes of this file so far
 * @throws StagecraftError `integrity` when the content is not the expected one
 */
export async function fetchVerified(
  fetcher: Fetcher,
  expected: Expected,
  place: string,
  root: string,
  onBytes: (done: number) => void = () => {},
): Promise<void> {
  if (existsSync(place)) return onBytes(expected.size);
  const draft = ingestPath(root, 'fetch');
  try {
    await fetcher.fetch(expected.address, content => write(content, expected, draft, onBytes));
    await rename(draft, place);
  } finally {
    rmSync(draft, { force: true });
  }
}

async function write(
  content: Readable,
  expected: Expected,
  draft: string,
  onBytes: (done: number) => void,
): Promise<void> {
  const file = await open(draft, 'w', 0o644);
  try {
    const running = startDigest();
    let size = 0;
    for await (const chunk of content as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > expected.size) break;
      running.update(chunk);
      await file.write(chunk);
      onBytes(size);
    }
    const shown = publicAddress(expected.address);
    if (size !== expected.size)
      throw new StagecraftError(
        'integrity',
        `${shown} has ${size > expected.size ? 'more than ' : ''}${Math.min(size, expected.size)} bytes where the signed list says ${expected.size}.`,
        {
          hint: 'The mirror is being updated or is broken: try again later, or name another one with --mirror URL.',
        },
      );
    const digest = finishDigest(running);
    if (digest !== expected.digest)
      throw new StagecraftError(
        'integrity',
        `${shown} has the digest ${digest} where the signed list says ${expected.digest}.`,
        {
          hint: 'Somebody changed the file on its way, or the mirror is broken: name another one with --mirror URL.',
        },
      );
  } finally {
    await file.close();
  }
}
