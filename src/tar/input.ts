/** An archive's bytes as they come, handed out in the pieces the reader asks for, without copying where possible. */
export class TarInput {
  readonly #source: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  #chunk: Buffer = Buffer.alloc(0);
  #at = 0;
  #before = 0;

  constructor(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
    this.#source =
      Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  }

  /** Bytes handed out so far. */
  get position(): number {
    return this.#before + this.#at;
  }

  /** At least one byte and at most `most`; nothing at the end. Valid until the next call. */
  async some(most: number): Promise<Buffer | undefined> {
    if (this.#at === this.#chunk.length && !(await this.#next())) return undefined;
    const piece = this.#chunk.subarray(this.#at, Math.min(this.#at + most, this.#chunk.length));
    this.#at += piece.length;
    return piece;
  }

  /** Exactly so many bytes; fewer only where the archive ends. Valid until the next call. */
  async take(count: number): Promise<Buffer> {
    if (this.#chunk.length - this.#at >= count) {
      this.#at += count;
      return this.#chunk.subarray(this.#at - count, this.#at);
    }
    const whole = Buffer.allocUnsafe(count);
    let filled = 0;
    while (filled < count) {
      const piece = await this.some(count - filled);
      if (piece === undefined) break;
      whole.set(piece, filled);
      filled += piece.length;
    }
    return whole.subarray(0, filled);
  }

  /** Passes over bytes; false when the archive ends before. */
  async skip(count: number): Promise<boolean> {
    while (count > 0) {
      const piece = await this.some(count);
      if (piece === undefined) return false;
      count -= piece.length;
    }
    return true;
  }

  /** Reads to the end, so that whoever digests the stream sees all of it. */
  async drain(): Promise<void> {
    while (await this.#next());
  }

  /** Tells the source that no more will be read. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #next(): Promise<boolean> {
    for (;;) {
      const { done, value } = await this.#source.next();
      this.#before += this.#chunk.length;
      this.#at = 0;
      if (done) {
        this.#chunk = Buffer.alloc(0);
        return false;
      }
      this.#chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      if (this.#chunk.length > 0) return true;
    }
  }
}
