import { fail, quote } from './fail.ts';
import { leadingSpace, trimSpace } from './spaces.ts';
import type { Directive } from './types.ts';

const names = ['syntax', 'escape', 'check'] as const;
const form = /^([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=([\s\S]*)$/;

/**
 * Reads the comment lines at the top of a file as parser directives, as long as they are some: the first line that is
 * none (an unknown name, an ordinary comment, an empty line, an instruction) ends them, and everything after it is
 * what it seems to be.
 */
export class DirectiveReader {
  readonly directives: Directive[] = [];
  readonly #file: string;
  readonly #prefix: string;
  #done = false;

  constructor(file: string, prefix = '#') {
    this.#file = file;
    this.#prefix = prefix;
  }

  /**
   * @param line without leading white space and line end; `number` and `column` (from 1) say where it starts
   * @throws StagecraftError `dockerfile`: given twice, or an escape character that is neither `\` nor a backquote
   */
  read(line: string, number: number, column: number): Directive | undefined {
    if (this.#done) return undefined;
    const directive = this.#parse(line, number, column);
    if (!directive) {
      this.#done = true;
      return undefined;
    }
    const { name, value, range } = directive;
    if (this.directives.some(other => other.name === name))
      fail(`The parser directive "${name}" is given twice.`, range, 'Remove one of the two.');
    if (name === 'escape' && value !== '\\' && value !== '`')
      fail(`The escape character cannot be ${quote(value)}.`, range, 'It is either \\ or `.');
    this.directives.push(directive);
    return directive;
  }

  #parse(line: string, number: number, column: number): Directive | undefined {
    if (!line.startsWith(this.#prefix)) return undefined;
    const match = form.exec(line.slice(leadingSpace(line, this.#prefix.length)));
    const name = names.find(known => known === match?.[1]?.toLowerCase());
    const value = trimSpace(match?.[2] ?? '');
    if (!name || value === '') return undefined;
    const start = { line: number, column };
    const end = { line: number, column: column + line.length };
    return { name, value, range: { file: this.#file, start, end } };
  }
}

/**
 * The frontend that a build definition of whatever format asks for: `# syntax=`, `// syntax=` or `{"syntax": ...}`
 * at its top, which a line `#!` may precede. Only the first word counts.
 */
export function detectSyntax(text: string): string | undefined {
  const body = text.replace(/^\ufeff/, '').replace(/^#![^\n]*(\n|$)/, '');
  return syntaxOf(body, '#') ?? syntaxOf(body, '//') ?? syntaxOfJson(body);
}

function syntaxOf(text: string, prefix: string): string | undefined {
  const reader = new DirectiveReader('', prefix);
  for (const line of text.split('\n')) {
    let directive: Directive | undefined;
    try {
      directive = reader.read(line.replace(/\r$/, ''), 1, 1);
    } catch {
      return undefined;
    }
    if (!directive) return undefined;
    if (directive.name === 'syntax') return directive.value.split(' ', 1)[0];
  }
  return undefined;
}

function syntaxOfJson(text: string): string | undefined {
  if (text[leadingSpace(text)] !== '{') return undefined;
  try {
    const { syntax } = JSON.parse(text);
    return typeof syntax === 'string' ? syntax : undefined;
  } catch {
    return undefined;
  }
}
