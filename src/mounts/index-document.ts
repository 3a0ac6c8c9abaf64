import { zstdCompress, zstdDecompress } from 'node:zlib';
import { asObject, parseJsonValue } from '../content/json.ts';
import { type Allow, IndexReader, refuse } from './index-reader.ts';
import type { MountEntry, MountIndex } from './types.ts';

/** The longest index that is read, in bytes: as it is sent, once it is decompressed, and of one line. */
export const indexLimits = { sent: 64 << 20, plain: 256 << 20, line: 1 << 20 } as const;

const chunkSize = 1 << 20;

/**
 * Writes an index: JSON texts, one a line, compressed with zstd. The first line names the mount, the next are the packs,
 * the rest are the entries, which name pieces by their places among all pieces of all packs. The same index gives the
 * same bytes.
 */
export async function writeIndex({ name, packs, entries }: MountIndex): Promise<Buffer> {
  const lines: string[] = [JSON.stringify({ cacheMount: name, version: 1 })];
  const places = new Map<string, number>();
  let place = 0;
  for (const { digest, size, pieces } of packs) {
    lines.push(
      JSON.stringify({ pack: digest, size, pieces: pieces.map(({ sha256, length }) => [sha256, length]) }),
    );
    for (const { sha256 } of pieces) {
      if (!places.has(sha256)) places.set(sha256, place);
      place += 1;
    }
  }
  for (const entry of entries) lines.push(JSON.stringify(lineOf(entry, places)));
  const bytes = Buffer.from(`${lines.join('\n')}\n`);
  return new Promise((resolve, reject) =>
    zstdCompress(bytes, { chunkSize }, (error, result) => (error ? reject(error) : resolve(result))),
  );
}

function lineOf(entry: MountEntry, places: ReadonlyMap<string, number>): object {
  const { path, type } = entry;
  if (entry.type === 'link') return { path, type, target: entry.target };
  const { mode, uid, gid, mtimeNs, xattrs } = entry.metadata;
  return {
    path,
    type,
    mode,
    uid,
    gid,
    mtime: String(mtimeNs),
    ...(xattrs !== undefined &&
      xattrs.size > 0 && {
        xattrs: Object.fromEntries(
          [...xattrs].map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
        ),
      }),
    ...(entry.type === 'symlink' && { target: entry.target }),
    ...(entry.type === 'file' && { pieces: entry.pieces.map(({ sha256 }) => places.get(sha256)!) }),
  };
}

/**
 * Reads an index of others, and takes nothing in it on trust.
 * @param name of the mount that it must be of
 * @throws StagecraftError `integrity`, `confined` for a path that leads elsewhere
 */
export async function readIndex(bytes: Uint8Array, name: string, allow: Allow): Promise<MountIndex> {
  const plain = await new Promise<Buffer>((resolve, reject) =>
    zstdDecompress(bytes, { chunkSize, maxOutputLength: indexLimits.plain }, (error, result) =>
      error ? reject(refuse(`cannot be decompressed (${error.message})`)) : resolve(result),
    ),
  );
  const reader = new IndexReader(name, allow);
  for (let from = 0; from < plain.length; ) {
    const end = plain.indexOf(0x0a, from);
    if (end < 0) throw refuse('ends in the middle of a line');
    if (end - from > indexLimits.line) throw refuse(`has a line of ${end - from} bytes`);
    const what = 'A line of the index of a cache mount';
    reader.add(asObject(parseJsonValue(plain.subarray(from, end), what), what));
    from = end + 1;
  }
  return reader.finish();
}
