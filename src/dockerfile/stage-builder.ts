import { docComment } from './statement.ts';
import type { FromInstruction, Stage, StageInstruction } from './types.ts';

/** A stage while its instructions are read. */
export class StageBuilder {
  readonly #index: number;
  readonly #from: FromInstruction;
  readonly #instructions: StageInstruction[] = [];

  constructor(index: number, from: FromInstruction) {
    this.#index = index;
    this.#from = from;
  }

  add(instruction: StageInstruction): void {
    this.#instructions.push(instruction);
  }

  finish(): Stage {
    const from = this.#from;
    const { baseName, platform, stageName: name } = from;
    const last = this.#instructions.at(-1) ?? from;
    return {
      index: this.#index,
      name,
      baseName,
      platform,
      from,
      instructions: this.#instructions,
      range: { ...from.range, end: last.range.end },
      comment: name === undefined ? undefined : docComment(from.comments, name),
    };
  }
}
