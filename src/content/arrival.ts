import { closeSync, openSync, readSync } from 'node:fs';

const pieceSize = 1 << 18;

/**
 * A blob on its way into the store, which may be read while it comes. What is read so is not verified before
 * {@link done} has ended well: believe nothing before.
 */
export class Arrival {
  /** Ends when the blob is in the store, verified; fails when it cannot get there. */
  readonly done: Promise<void>;
  readonly #end = Promise.withResolvers<void>();
  #path = '';
  #size = 0;
  #ended = false;
  #news = Promise.withResolvers<void>();

  constructor() {
    this.done = this.#end.promise;
    for (const promise of [this.done, this.#news.promise]) promise.catch(() => {});
  }

  /** Says that so many bytes lie in a file now; another one than before where the download had to begin anew. */
  grow(path: string, size: number): void {
    this.#path = path;
    this.#size = size;
    this.#tell();
  }

  /** Says that all of it is there. */
  finish(path: string, size: number): void {
    this.#ended = true;
    this.grow(path, size);
    this.#end.resolve();
  }

  fail(error: unknown): void {
    this.#end.reject(error);
    this.#news.reject(error);
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
          if (file !== undefined) closeSync(file.fd);
          file = { path: this.#path, fd: openSync(this.#path, 'r') };
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
