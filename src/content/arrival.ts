import { closeSync, openSync, readSync } from 'node:fs';
import { isErrno } from '../util/errors.ts';

const pieceSize = 1 << 18;

/** Is told what becomes of a blob on its way. */
export interface ArrivalFollower {
  /** So many bytes lie in a file now; another one than before where the download had to begin anew. */
  grow(path: string, size: number): void;
  /** All of it is there. */
  finish(path: string, size: number): void;
  fail(error: unknown): void;
}

/**
 * A blob on its way into the store, which may be read while it comes. What is read so is not verified before
 * {@link done} has ended well: believe nothing before.
 */
export class Arrival implements ArrivalFollower {
  /** Ends when the blob is in the store, verified; fails when it cannot get there. */
  readonly done: Promise<void>;
  readonly #end = Promise.withResolvers<void>();
  readonly #followers = new Set<ArrivalFollower>();
  #path = '';
  #size = 0;
  #ended = false;
  #news = Promise.withResolvers<void>();

  constructor() {
    this.done = this.#end.promise;
    for (const promise of [this.done, this.#news.promise]) promise.catch(() => {});
  }

  grow(path: string, size: number): void {
    this.#path = path;
    this.#size = size;
    for (const follower of this.#followers) follower.grow(path, size);
    this.#tell();
  }

  finish(path: string, size: number): void {
    this.#ended = true;
    this.#path = path;
    this.#size = size;
    for (const follower of this.#followers) follower.finish(path, size);
    this.#tell();
    this.#end.resolve();
  }

  fail(error: unknown): void {
    this.#end.reject(error);
    this.#news.reject(error);
  }

  /** Tells another, from now on, until the function returned is called. */
  follow(follower: ArrivalFollower): () => void {
    this.#followers.add(follower);
    if (this.#ended) follower.finish(this.#path, this.#size);
    else if (this.#path !== '') follower.grow(this.#path, this.#size);
    this.done.catch(error => {
      if (this.#followers.has(follower)) follower.fail(error);
    });
    return () => void this.#followers.delete(follower);
  }

  /** The bytes from the beginning, as they come. @throws what the arrival failed with */
  async *stream(): AsyncGenerator<Uint8Array, void, undefined> {
    let file: { path: string; fd: number } | undefined;
    try {
      for (let at = 0; ; ) {
        if (at >= this.#size) {
          if (this.#ended) return;
          await this.#news.promise;
          continue;
        }
        // A file that got its final name meanwhile is still the same.
        if (file === undefined || (file.path !== this.#path && !this.#ended)) {
          const fd = openIfThere(this.#path);
          if (fd === undefined && !this.#ended) {
            // It has its final name by now, of which word is on its way.
            await this.#news.promise;
            continue;
          }
          if (file !== undefined) closeSync(file.fd);
          file = { path: this.#path, fd: fd ?? openSync(this.#path, 'r') };
        }
        const piece = Buffer.allocUnsafe(Math.min(pieceSize, this.#size - at));
        const length = readSync(file.fd, piece, 0, piece.length, at);
        at += length;
        yield piece.subarray(0, length);
      }
    } finally {
      if (file !== undefined) closeSync(file.fd);
    }
  }

  #tell(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers<void>();
    this.#news.promise.catch(() => {});
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}
