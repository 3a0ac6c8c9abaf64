import type { SourceRange } from '../util/errors.ts';
import { DirectiveReader } from './directives.ts';
import { fail } from './fail.ts';
import { type HeredocMarker, stripLeadingTabs } from './heredoc.ts';
import { LogicalLine } from './logical-line.ts';
import { PhysicalLines } from './physical-lines.ts';
import { leadingSpace, trimSpace } from './spaces.ts';
import type { Directive, EscapeToken, Heredoc, SyntaxWarning } from './types.ts';

/** Reads a Dockerfile from top to bottom: directives, comments, continued lines, here-documents. */
export class FileReader {
  readonly text: string;
  readonly warnings: SyntaxWarning[] = [];
  readonly #name: string;
  readonly #lines: PhysicalLines;
  readonly #directives: DirectiveReader;
  /** Index of the line to read next. */
  #next = 0;
  #comments: string[] = [];

  constructor(bytes: Uint8Array, name: string) {
    this.#name = name;
    this.#lines = new PhysicalLines(bytes, name);
    this.text = this.#lines.text;
    this.#directives = new DirectiveReader(name);
  }

  get directives(): readonly Directive[] {
    return this.#directives.directives;
  }

  get escapeToken(): EscapeToken {
    return this.directives.find(({ name }) => name === 'escape')?.value === '`' ? '`' : '\\';
  }

  /** The very beginning, for what concerns the whole file. */
  get start(): SourceRange {
    const start = { line: 1, column: 1 };
    return { file: this.#name, start, end: { line: 1, column: 1 + this.#lines.at(0).length } };
  }

  /** Where the line read last ends. */
  get lastEnd(): SourceRange['end'] {
    return { line: this.#next, column: 1 + this.#lines.at(this.#next - 1).length };
  }

  /** The next instruction as one line, and the comments directly above; nothing at the end of the file. */
  readLogicalLine(): { line: LogicalLine; comments: string[]; isText: boolean } | undefined {
    while (this.#next < this.#lines.count) {
      const first = this.#next;
      const full = this.#lines.at(this.#next++);
      const column = leadingSpace(full);
      const text = full.slice(column);
      const directive = this.#directives.read(text, this.#next, column + 1);
      if (text.startsWith('#')) {
        if (!directive) this.#addComment(text);
        continue;
      }
      const { content, continues } = this.#splitContinuation(text);
      if (content === '' && !continues) continue;
      const line = new LogicalLine(this.#name);
      line.append(content, this.#next, column + 1);
      if (continues) this.#readContinuation(line);
      const comments = this.#comments;
      this.#comments = [];
      return { line, comments, isText: this.#lines.areText(first, this.#next) };
    }
    return undefined;
  }

  /** An empty comment line keeps what is above it from being a comment on the instruction. */
  #addComment(text: string): void {
    const comment = trimSpace(text.slice(1));
    if (comment === '') this.#comments = [];
    else this.#comments.push(comment);
  }

  /** Comments between the lines are skipped, and so are empty lines. */
  #readContinuation(line: LogicalLine): void {
    let hasEmpty = false;
    for (let continues = true; continues && this.#next < this.#lines.count; ) {
      const text = this.#lines.at(this.#next++);
      const first = text[leadingSpace(text)];
      if (first === undefined) hasEmpty = true;
      if (first === undefined || first === '#') continue;
      const split = this.#splitContinuation(text);
      line.append(split.content, this.#next, 1);
      continues = split.continues;
    }
    if (hasEmpty) this.warnings.push(this.#emptyContinuation());
  }

  /** The escape character at a line's end, blanks after it allowed, continues the line; two of them do not. */
  #splitContinuation(text: string): { content: string; continues: boolean } {
    let end = text.length;
    while (text[end - 1] === ' ' || text[end - 1] === '\t') end--;
    const token = this.escapeToken;
    const continues = text[end - 1] === token && text[end - 2] !== token;
    return { content: continues ? text.slice(0, end - 1) : text, continues };
  }

  #emptyContinuation(): SyntaxWarning {
    const line = this.#next;
    return {
      rule: 'NoEmptyContinuation',
      message: 'Empty continuation line',
      description:
        'An instruction continued over several lines has an empty one, which later versions may refuse.',
      url: 'https://docs.docker.com/go/dockerfile/rule/no-empty-continuation/',
      range: { file: this.#name, start: { line, column: 1 }, end: this.lastEnd },
    };
  }

  /**
   * Reads a here-document: all lines up to the one that is its name.
   *
   * @throws StagecraftError `dockerfile`, at `range`, if no such line follows
   */
  readHeredoc(marker: HeredocMarker, range: SourceRange): Heredoc {
    const first = this.#next;
    while (this.#next < this.#lines.count) {
      const line = this.#lines.at(this.#next++);
      if ((marker.stripTabs ? line.replace(/^\t+/, '') : line) === marker.name) {
        return this.#buildHeredoc(marker, first, this.#next - 1);
      }
    }
    fail(
      `The here-document <<${marker.stripTabs ? '-' : ''}${marker.name} has no end.`,
      range,
      `End it by a line that is nothing but ${marker.name}.`,
    );
  }

  #buildHeredoc(marker: HeredocMarker, first: number, end: number): Heredoc {
    const raw = this.#lines.textOf(first, end);
    const bytes = this.#lines.bytesOf(first, end);
    const strip = (text: string) => (marker.stripTabs ? stripLeadingTabs(text) : text);
    return {
      ...marker,
      raw,
      body: strip(raw),
      bytes: bytes && Buffer.from(strip(Buffer.from(bytes).toString('latin1')), 'latin1'),
      range: {
        file: this.#name,
        start: { line: first + 1, column: 1 },
        end: { line: end + 1, column: 1 },
      },
    };
  }
}
