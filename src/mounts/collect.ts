import { closeSync, openSync, readSync, rmSync } from 'node:fs';
import { ContextDigests } from '../source/context-digests.ts';
import { Descent } from '../source/descent.ts';
import type { Store } from '../store/store.ts';
import { type ByteString, fsPath } from '../util/bytes.ts';
import { digestOf } from '../util/digest.ts';
import { isErrno } from '../util/errors.ts';
import { Pace } from '../util/pace.ts';
import { forEachAtOnce } from '../util/parallel.ts';
import { pieceSizes } from './cut.ts';
import { leastPack, type NewPack, Packer } from './pack.ts';
import { placeIn, readFlags, Scan } from './scan.ts';
import type { MountEntry, MountIndex, Pack, Piece } from './types.ts';

/** The digests of a mount's files, which are remembered beside those of build contexts. */
export function digestsOfMount(store: Store, directory: string): ContextDigests {
  return ContextDigests.open(store, `cache mount ${directory}`);
}

/** The content of a cache mount, ready to be sent. */
export interface CollectedMount {
  readonly index: MountIndex;
  /** The packs of the index that nobody has yet. */
  readonly made: readonly NewPack[];
  /** Bytes of all files. */
  readonly size: number;
  /** Removes the files of the packs made. */
  discard(): void;
}

export interface CollectOptions {
  readonly store: Store;
  /** What the store calls the mount. */
  readonly name: string;
  /** The name of its directory in `mounts/`. */
  readonly directory: string;
  /** The same mount as it was sent before, to this place or another one. */
  readonly known: readonly MountIndex[];
  /** Whether the place to send to has a pack. */
  has(pack: Pack): Promise<boolean>;
  readonly signal?: AbortSignal | undefined;
}

/** Packs of less than the least size that there are to be at most: each export may end with one. */
const mostSmallPacks = 8;
/** Questions to a place at once. */
const atOnce = 8;

/** Where the bytes of a piece lie. */
interface Stretch extends Piece {
  readonly path: ByteString;
  readonly offset: number;
}

/**
 * Reads a cache mount. What packs that are there already hold is not packed again; where there are none, or their pieces
 * are mostly of files that are gone, equal files make equal packs.
 */
export async function collectMount(options: CollectOptions): Promise<CollectedMount> {
  const { store, name, directory, known, has, signal } = options;
  const pace = new Pace(signal);
  const descent = new Descent(store.path('mounts', directory));
  const packer = new Packer(store.root);
  const scan = new Scan(descent, digestsOfMount(store, directory), known, pace);
  try {
    await scan.run();
    const live = stretchesOf(scan.entries);
    const kept = await choosePacks(known, live, has);
    const there = new Set(kept.flatMap(({ pieces }) => pieces.map(({ sha256 }) => sha256)));
    const lost = await pack(
      descent,
      [...live.values()].filter(({ sha256 }) => !there.has(sha256)),
      packer,
      pace,
    );
    const made = await packer.finish();
    const entries = lost.size === 0 ? scan.entries : withoutLost(scan.entries, lost);
    return {
      index: { name, packs: [...kept, ...made], entries },
      made,
      size: scan.size,
      discard: () => {
        for (const { path } of made) rmSync(path, { force: true });
      },
    };
  } catch (error) {
    await packer.discard();
    throw error;
  } finally {
    descent.close();
  }
}

/** Each piece of the files, once, in their order. */
function stretchesOf(entries: readonly MountEntry[]): Map<string, Stretch> {
  const live = new Map<string, Stretch>();
  for (const entry of entries) {
    if (entry.type !== 'file') continue;
    let offset = 0;
    for (const { sha256, length } of entry.pieces) {
      if (!live.has(sha256)) live.set(sha256, { sha256, length, path: entry.path, offset });
      offset += length;
    }
  }
  return live;
}

/** The packs to go on with: there, not mostly of what is gone, and not too many small ones. */
async function choosePacks(
  known: readonly MountIndex[],
  live: ReadonlyMap<string, Piece>,
  has: (pack: Pack) => Promise<boolean>,
): Promise<Pack[]> {
  const wanted = new Set(live.keys());
  const chosen = new Map<string, Pack>();
  for (const pack of known.flatMap(({ packs }) => packs)) {
    let [useful, whole] = [0, 0];
    for (const { sha256, length } of pack.pieces) {
      whole += length;
      if (wanted.has(sha256)) useful += length;
    }
    if (2 * useful < whole) continue;
    chosen.set(pack.digest, pack);
    for (const { sha256 } of pack.pieces) wanted.delete(sha256);
  }
  const small = [...chosen.values()].filter(
    ({ pieces }) => pieces.reduce((sum, { length }) => sum + length, 0) < leastPack,
  );
  if (small.length > mostSmallPacks) for (const { digest } of small) chosen.delete(digest);
  const absent = new Set<Pack>();
  await forEachAtOnce(chosen.values(), atOnce, async pack => {
    if (!(await has(pack))) absent.add(pack);
  });
  return [...chosen.values()].filter(pack => !absent.has(pack));
}

/** Packs pieces; returns the digests of those that are not there any more. */
async function pack(
  descent: Descent,
  stretches: readonly Stretch[],
  packer: Packer,
  pace: Pace,
): Promise<Set<string>> {
  const lost = new Set<string>();
  const buffer = Buffer.allocUnsafeSlow(pieceSizes.most);
  for (const stretch of stretches) {
    const bytes = readStretch(descent, stretch, buffer);
    if (bytes === undefined) lost.add(stretch.sha256);
    else await packer.add({ sha256: stretch.sha256, length: stretch.length }, bytes);
    if (pace.due) await pace.rest();
  }
  return lost;
}

/** Nothing where the file has changed since it was listed. */
function readStretch(
  descent: Descent,
  { path, offset, length, sha256 }: Stretch,
  buffer: Buffer,
): Buffer | undefined {
  try {
    const fd = openSync(fsPath(placeIn(descent, path)), readFlags);
    try {
      let filled = 0;
      while (filled < length) {
        const count = readSync(fd, buffer, filled, length - filled, offset + filled);
        if (count === 0) return undefined;
        filled += count;
      }
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ELOOP', 'ENOTDIR', 'EAGAIN', 'ESPIPE')) return undefined;
    throw error;
  }
  const bytes = buffer.subarray(0, length);
  return digestOf(bytes) === `sha256:${sha256}` ? bytes : undefined;
}

/** The entries without files of which a piece was lost, and without further names of those. */
function withoutLost(entries: readonly MountEntry[], lost: ReadonlySet<string>): MountEntry[] {
  const gone = new Set<ByteString>();
  return entries.filter(entry => {
    const isGone =
      entry.type === 'file'
        ? entry.pieces.some(({ sha256 }) => lost.has(sha256))
        : entry.type === 'link' && gone.has(entry.target);
    if (isGone) gone.add(entry.path);
    return !isGone;
  });
}
