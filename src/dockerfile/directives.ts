import type { SourceRange } from '../util/errors.ts';
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

/** A frontend by its image, and the line that asks for it. */
export interface SyntaxRequest {
  readonly frontend: string;
  readonly range: SourceRange;
}

/**
 * The frontend that a build definition of whatever format asks for: `# syntax=`, `// syntax=` or `{"syntax": ...}`
 * at its top, which a line `#!` may precede. Only the first word counts. `name` is what the range calls the file.
 */
export function detectSyntax(text: string, name: string): SyntaxRequest | undefined {
  const [shebang = ''] = /^\ufeff?(?:#![^\n]*(?:\n|$))?/.exec(text) ?? [];
  const body = text.slice(shebang.length);
  const line = shebang.endsWith('\n') ? 2 : 1;
  return (
    syntaxOf(body, '#', name, line) ?? syntaxOf(body, '//', name, line) ?? syntaxOfJson(body, name, line)
  );
}

function syntaxOf(text: string, prefix: string, name: string, first: number): SyntaxRequest | undefined {
  const reader = new DirectiveReader(name, prefix);
  for (let line = first, from = 0; from < text.length; line++) {
    const end = text.indexOf('\n', from);
    const content = text.slice(from, end < 0 ? text.length : end).replace(/\r$/, '');
    from = end < 0 ? text.length : end + 1;
    let directive: Directive | undefined;
    try {
      directive = reader.read(content, line, 1);
    } catch {
      return undefined;
    }
    if (!directive) return undefined;
    const { value, range } = directive;
    if (directive.name === 'syntax') return { frontend: value.split(' ', 1)[0]!, range };
  }
  return undefined;
}

function syntaxOfJson(text: string, file: string, line: number): SyntaxRequest | undefined {
  if (text[leadingSpace(text)] !== '{') return undefined;
  try {
    const { syntax } = JSON.parse(text);
    const place = { line, column: 1 };
    return typeof syntax === 'string'
      ? { frontend: syntax, range: { file, start: place, end: place } }
      : undefined;
  } catch {
    return undefined;
  }
}
