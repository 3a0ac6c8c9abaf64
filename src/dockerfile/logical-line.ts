import type { SourceRange } from '../util/errors.ts';

type Position = SourceRange['start'];

/** A piece of a logical line; `start` and `end` are offsets in it, `text` may lack quotes that the piece has. */
export interface Token {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** An instruction's text as one line, joined from physical ones, that knows where each character came from. */
export class LogicalLine {
  readonly file: string;
  text = '';
  readonly #pieces: { offset: number; line: number; column: number }[] = [];

  constructor(file: string) {
    this.file = file;
  }

  /** Adds text that stands at a line and column, which count from 1. */
  append(text: string, line: number, column: number): void {
    this.#pieces.push({ offset: this.text.length, line, column });
    this.text += text;
  }

  /** The place of an offset. */
  position(offset: number): Position {
    let low = 0;
    let high = this.#pieces.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#pieces[middle]!.offset <= offset) low = middle;
      else high = middle - 1;
    }
    const piece = this.#pieces[low];
    if (!piece) return { line: 1, column: 1 };
    return { line: piece.line, column: piece.column + offset - piece.offset };
  }

  range({ start, end }: { start: number; end: number }): SourceRange {
    const from = this.position(start);
    if (end <= start) return { file: this.file, start: from, end: from };
    // The end is the place after the last character, not the place of the next one, which may be on another line.
    const last = this.position(end - 1);
    return { file: this.file, start: from, end: { line: last.line, column: last.column + 1 } };
  }
}
