import {
  closeSync,
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { dress } from '../snapshot/dress.ts';
import { entryOf } from '../snapshot/entry.ts';
import { ownership } from '../snapshot/ownership.ts';
import type { EntryType, Metadata } from '../snapshot/types.ts';
import type { ContextDigests } from '../source/context-digests.ts';
import { setTimes } from '../syscall/times.ts';
import { type ByteString, bytesFromText, fsPath } from '../util/bytes.ts';
import { isErrno } from '../util/errors.ts';
import { Pace } from '../util/pace.ts';
import { forEachAtOnce } from '../util/parallel.ts';
import { openPack } from './pack.ts';
import { contentOf } from './scan.ts';
import type { MountEntry, MountIndex, Pack } from './types.ts';

const make = constants.O_CREAT | constants.O_EXCL;
/** Packs fetched at once. */
const atOnce = 4;
/** Milliseconds after which a change of a file shows in its times. */
const tick = 60;

export interface RestoreOptions {
  /** The bytes of a pack; they are verified here. */
  read(pack: Pack): AsyncIterable<Uint8Array>;
  /** Told how many bytes of the packs are there. */
  status?(done: number, total: number): void;
  /** Is to know the files that were written. */
  readonly digests: ContextDigests;
  readonly signal?: AbortSignal | undefined;
}

/** A file, and where in it a piece belongs. */
interface Place {
  readonly file: FileEntry;
  readonly offset: number;
}

type FileEntry = Extract<MountEntry, { type: 'file' }>;

/**
 * Fills a directory that does not exist yet with the content of a cache mount. Links come last, so that no path leads
 * through one while files are written.
 * @throws StagecraftError `integrity` for a pack that is not what the index says, and what reading throws
 */
export async function restoreMount(index: MountIndex, dir: string, options: RestoreOptions): Promise<void> {
  const restoring = new Restoring(bytesFromText(dir), index, options);
  restoring.makeDirectories();
  await restoring.writeFiles();
  restoring.finish();
  await restoring.remember();
}

class Restoring {
  readonly #dir: ByteString;
  readonly #index: MountIndex;
  readonly #options: RestoreOptions;
  readonly #pace: Pace;
  /** Pieces still to come, by file. */
  readonly #left = new Map<FileEntry, number>();

  constructor(dir: ByteString, index: MountIndex, options: RestoreOptions) {
    this.#dir = dir;
    this.#index = index;
    this.#options = options;
    this.#pace = new Pace(options.signal);
  }

  makeDirectories(): void {
    for (const { path, type } of this.#index.entries)
      if (type === 'directory') mkdirSync(fsPath(this.#place(path)), 0o700);
  }

  async writeFiles(): Promise<void> {
    const { read, status } = this.#options;
    const places = this.#placesOfPieces();
    const packs = this.#index.packs.filter(({ pieces }) => pieces.some(({ sha256 }) => places.has(sha256)));
    const total = packs.reduce((sum, { size }) => sum + size, 0);
    let done = 0;
    await forEachAtOnce(packs, atOnce, async pack => {
      const pieces = await openPack(pack, read(pack));
      for (const { piece, bytes } of pieces(new Set(places.keys()))) {
        const wanted = places.get(piece.sha256) ?? [];
        // The next pack may hold it too.
        places.delete(piece.sha256);
        for (const place of wanted) {
          this.#write(place, bytes);
          if (this.#pace.due) await this.#pace.rest();
        }
      }
      done += pack.size;
      status?.(done, total);
    });
  }

  /** Sets what further writes would change: links, then directories from within. */
  finish(): void {
    const { entries } = this.#index;
    for (const entry of entries)
      if (entry.type === 'link') linkSync(fsPath(this.#place(entry.target)), fsPath(this.#place(entry.path)));
    for (const entry of entries)
      if (entry.type === 'symlink') {
        symlinkSync(fsPath(entry.target), fsPath(this.#place(entry.path)));
        this.#finishEntry(entry.path, 'symlink', entry.metadata);
      }
    for (const entry of entries.toReversed())
      if (entry.type === 'directory') this.#finishEntry(entry.path, 'directory', entry.metadata);
  }

  /** So the files need not be read again to be sent, as long as nobody changes them. */
  async remember(): Promise<void> {
    const { digests } = this.#options;
    await sleep(tick);
    const now = Date.now();
    for (const entry of this.#index.entries) {
      if (entry.type !== 'file' || entry.pieces.length === 0) continue;
      const place = this.#place(entry.path);
      const stat = lstatSync(fsPath(place), { bigint: true });
      const attributes = (entry.metadata.xattrs?.size ?? 0) > 0;
      digests.learn(
        entry.path,
        entryOf(stat, place, ownership()),
        { sha256: contentOf(entry.pieces), attributes },
        now,
      );
      if (this.#pace.due) await this.#pace.rest();
    }
    digests.save(() => false);
  }

  #placesOfPieces(): Map<string, Place[]> {
    const places = new Map<string, Place[]>();
    for (const entry of this.#index.entries) {
      if (entry.type !== 'file') continue;
      if (entry.pieces.length !== 1) closeSync(this.#open(entry.path, make));
      this.#left.set(entry, entry.pieces.length);
      if (entry.pieces.length === 0) this.#finishEntry(entry.path, 'file', entry.metadata);
      let offset = 0;
      for (const { sha256, length } of entry.pieces) {
        const known = places.get(sha256);
        if (known === undefined) places.set(sha256, [{ file: entry, offset }]);
        else known.push({ file: entry, offset });
        offset += length;
      }
    }
    return places;
  }

  #write({ file, offset }: Place, bytes: Uint8Array): void {
    const fd = this.#open(file.path, file.pieces.length === 1 ? make : 0);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, offset + at);
    } finally {
      closeSync(fd);
    }
    const left = this.#left.get(file)! - 1;
    this.#left.set(file, left);
    if (left === 0) this.#finishEntry(file.path, 'file', file.metadata);
  }

  #open(path: ByteString, flags: number): number {
    return openSync(fsPath(this.#place(path)), constants.O_WRONLY | constants.O_NOFOLLOW | flags, 0o600);
  }

  #finishEntry(path: ByteString, type: EntryType, metadata: Metadata): void {
    const place = this.#place(path);
    try {
      dress(place, type, metadata);
    } catch (error) {
      // An owner that this namespace does not have: nobody in it could tell the difference.
      if (!isErrno(error, 'EINVAL', 'EPERM')) throw error;
      dress(place, type, { ...metadata, uid: 0, gid: 0 });
    }
    setTimes(place, metadata.mtimeNs);
  }

  #place(path: ByteString): ByteString {
    return path === '' ? this.#dir : `${this.#dir}/${path}`;
  }
}
