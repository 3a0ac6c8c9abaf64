import type { LogicalLine, Token } from './logical-line.ts';
import { isSpace, leadingSpace, trailingSpace } from './spaces.ts';
import type { EscapeToken } from './types.ts';

/** An instruction's line in its three parts. */
export interface CommandParts {
  readonly keyword: Token;
  /** `--name` or `--name=value`, without quotes. */
  readonly flags: readonly Token[];
  /** What is left, trimmed. */
  readonly rest: Token;
}

/** Splits `KEYWORD --flag... rest`, from an offset of the line on. */
export function splitCommand(line: LogicalLine, escapeToken: EscapeToken, from = 0): CommandParts {
  const { text } = line;
  const end = Math.max(from, trailingSpace(text));
  const start = Math.min(end, leadingSpace(text, from));
  let at = start;
  while (at < end && !isBlank(text[at]!)) at++;
  const keyword = token(text, start, at);
  while (at < end && isBlank(text[at]!)) at++;
  const { flags, next } = splitFlags(text, at, end, escapeToken);
  return { keyword, flags, rest: token(text, Math.min(end, leadingSpace(text, next)), end) };
}

/** The white space that separates a keyword from the rest: not Unicode's. */
function isBlank(char: string): boolean {
  return '\t\v\f\r '.includes(char);
}

export function token(text: string, start: number, end: number): Token {
  return { text: text.slice(start, end), start, end };
}

/** Words that start with `--`; a word `--` alone ends them. Quotes may be anywhere in them and are removed. */
function splitFlags(
  text: string,
  from: number,
  end: number,
  escapeToken: EscapeToken,
): { flags: Token[]; next: number } {
  const flags: Token[] = [];
  let at = from;
  for (;;) {
    while (at < end && isSpace(text[at]!)) at++;
    if (!text.startsWith('--', at) || at + 1 >= end) return { flags, next: at };
    const flag = readFlag(text, at, end, escapeToken);
    at = flag.end;
    if (flag.text === '--') return { flags, next: at };
    flags.push(flag);
  }
}

function readFlag(text: string, start: number, end: number, escapeToken: EscapeToken): Token {
  let flag = '';
  let quote = '';
  let at = start;
  for (; at < end; at++) {
    const char = text[at]!;
    if (quote === '' && isSpace(char)) break;
    if (char === quote) quote = '';
    else if (quote === '' && (char === '"' || char === "'")) quote = char;
    else if (char !== escapeToken) flag += char;
    else if (at + 1 < end) flag += text[++at];
  }
  return { text: flag, start, end: at };
}
