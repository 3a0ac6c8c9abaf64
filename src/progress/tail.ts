import { stripVTControlCharacters } from 'node:util';
import { printable } from '../util/printable.ts';

/** One line that a process wrote, and how many seconds after the step's start it began. */
export interface OutputLine {
  text: string;
  readonly seconds: number;
}

/** Characters kept of one line: a process may write megabytes without a line break. */
const maxLineLength = 4096;

/**
 * The last lines of a process's output as a person would see them on a terminal: escape sequences are dropped, and
 * text after a carriage return replaces the line, as progress bars mean it.
 */
export class OutputTail {
  readonly lines: OutputLine[] = [];
  /** Lines that were written before those kept. */
  dropped = 0;
  readonly #limit: number;
  readonly #decoders: [TextDecoder?, TextDecoder?, TextDecoder?] = [];
  #open = false;
  #returned = false;
  /** The start of an escape sequence whose end has not come yet. */
  #pending = '';

  constructor(limit: number) {
    this.#limit = limit;
  }

  write(stream: 1 | 2, data: Uint8Array, seconds: number): void {
    this.#decoders[stream] ??= new TextDecoder();
    let text = this.#pending + this.#decoders[stream].decode(data, { stream: true });
    const cut = unfinishedEscape(text);
    this.#pending = text.slice(cut);
    text = stripVTControlCharacters(text.slice(0, cut));
    for (const piece of text.split(/(\r\n|\n|\r)/)) {
      if (piece === '\n' || piece === '\r\n') {
        if (!this.#open) this.#push('', seconds);
        this.#open = false;
        this.#returned = false;
      } else if (piece === '\r') {
        this.#returned = this.#open;
      } else if (piece !== '') {
        this.#append(piece, seconds);
      }
    }
  }

  clear(): void {
    this.lines.length = 0;
    this.dropped = 0;
    this.#open = false;
    this.#returned = false;
  }

  #append(piece: string, seconds: number): void {
    if (this.#returned || !this.#open) {
      if (this.#returned) this.lines.pop();
      this.#push('', seconds);
      this.#open = true;
      this.#returned = false;
    }
    const line = this.lines[this.lines.length - 1]!;
    if (line.text.length < maxLineLength) line.text = (line.text + printable(piece)).slice(0, maxLineLength);
  }

  #push(text: string, seconds: number): void {
    this.lines.push({ text, seconds });
    if (this.lines.length > this.#limit) {
      this.lines.shift();
      this.dropped++;
    }
  }
}

/** Where an escape sequence begins that the text does not end, else the text's length. */
function unfinishedEscape(text: string): number {
  const start = text.lastIndexOf('\u001b');
  if (start < 0 || text.length - start > 64) return text.length;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character starts the sequences looked for.
  return /^\u001b(\[[0-?]*[ -/]*|\][^\u0007]*)?$/.test(text.slice(start)) ? start : text.length;
}
