import type { LayerWriter } from '../snapshot/types.ts';
import type { ByteString } from '../util/bytes.ts';

/** Links under way at once at most, and how many are left when there is room again. */
const most = 1024;
const few = 512;

/** Hard links that are made in the background while a walk goes on: half of the work of copying what did not change. */
export class Linking {
  readonly #writer: LayerWriter;
  readonly #refused: (() => void | Promise<void>)[] = [];
  #underWay = 0;
  #waiting: { until: number; go: () => void } | undefined;

  constructor(writer: LayerWriter) {
    this.#writer = writer;
  }

  get isFull(): boolean {
    return this.#underWay >= most;
  }

  get isIdle(): boolean {
    return this.#underWay === 0 && this.#refused.length === 0;
  }

  /** Starts a link. `refused` is called by {@link settle} if it cannot be made. */
  link(path: ByteString, immutable: ByteString, refused: () => void | Promise<void>): void {
    this.#underWay++;
    this.#writer.linkFile(path, immutable, isLinked => {
      this.#underWay--;
      if (!isLinked) this.#refused.push(refused);
      if (this.#waiting === undefined || this.#underWay > this.#waiting.until) return;
      const { go } = this.#waiting;
      this.#waiting = undefined;
      go();
    });
  }

  /** Waits until some of the links are made. */
  room(): Promise<void> {
    return this.#until(few);
  }

  /** Waits until no link is under way. */
  idle(): Promise<void> {
    return this.#until(0);
  }

  /** Waits until no link is under way, then does what is to be done for those that were refused. */
  async settle(): Promise<void> {
    await this.idle();
    for (const refused of this.#refused.splice(0)) await refused();
  }

  #until(underWay: number): Promise<void> {
    return new Promise(resolve => {
      if (this.#underWay <= underWay) resolve();
      else this.#waiting = { until: underWay, go: resolve };
    });
  }
}
