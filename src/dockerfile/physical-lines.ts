import { isUtf8 } from 'node:buffer';
import { fail } from './fail.ts';

/** The limit for one line, in bytes; BuildKit has it too. */
const maximumLine = 65535;
const newline = 0x0a;

/** A file's lines, as text and as the bytes that they were. */
export class PhysicalLines {
  /** The whole file as text: without a byte order mark, and U+FFFD for what is not UTF-8. */
  readonly text: string;
  readonly #starts: number[] = [0];
  /** Present if the text does not say all that the bytes said. */
  readonly #bytes: { readonly data: Uint8Array; readonly starts: number[] } | undefined;

  /** @throws StagecraftError `dockerfile`: a line is too long */
  constructor(data: Uint8Array, name: string) {
    this.text = new TextDecoder().decode(data);
    const { text } = this;
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#starts.push(at + 1);
    if (this.#starts.at(-1) === text.length) this.#starts.pop();
    if (text.includes('\ufffd')) this.#bytes = { data, starts: byteStarts(data) };
    for (let index = 0; index < this.count; index++) this.#checkLength(index, name);
  }

  get count(): number {
    return this.#starts.length;
  }

  /** A line without its end; empty beyond the file. */
  at(index: number): string {
    const start = this.#starts[index];
    if (start === undefined) return '';
    let end = this.#endOf(index);
    while (end > start && '\r\n'.includes(this.text[end - 1]!)) end--;
    return this.text.slice(start, end);
  }

  /** Lines from one to before another, with their ends. */
  textOf(first: number, end: number): string {
    return this.text.slice(this.#starts[first], this.#starts[end] ?? this.text.length);
  }

  /** The same as bytes; nothing if they are just the text's. */
  bytesOf(first: number, end: number): Uint8Array | undefined {
    if (!this.#bytes || !this.textOf(first, end).includes('\ufffd')) return undefined;
    const { data, starts } = this.#bytes;
    return data.subarray(starts[first], starts[end] ?? data.length);
  }

  /** False if some bytes of these lines are not UTF-8, so that the text has U+FFFD in their place. */
  areText(first: number, end: number): boolean {
    const bytes = this.bytesOf(first, end);
    return bytes === undefined || isUtf8(bytes);
  }

  #endOf(index: number): number {
    return this.#starts[index + 1] ?? this.text.length;
  }

  #checkLength(index: number, name: string): void {
    const length = this.#endOf(index) - this.#starts[index]!;
    if (length * 3 <= maximumLine) return;
    const line = this.textOf(index, index + 1).replace(/\n$/, '');
    if (Buffer.byteLength(line) <= maximumLine) return;
    const range = { file: name, start: { line: index + 1, column: 1 }, end: { line: index + 2, column: 1 } };
    fail(`Line ${index + 1} of ${name} is longer than ${maximumLine} bytes.`, range, 'Divide it.');
  }
}

function byteStarts(data: Uint8Array): number[] {
  const starts = [0];
  for (let at = data.indexOf(newline); at >= 0; at = data.indexOf(newline, at + 1)) starts.push(at + 1);
  return starts;
}
