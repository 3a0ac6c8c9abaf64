import { fail } from './fail.ts';
import { parseJsonStrings } from './json-strings.ts';
import type { LogicalLine, Token } from './logical-line.ts';
import { isSpace } from './spaces.ts';
import { token } from './split-command.ts';
import type { EscapeToken } from './types.ts';

/** How an instruction's text divides into operands. */
export type Grammar =
  | 'text' // one text as it is
  | 'words' // at white space, quotes and escapes kept together: ARG
  | 'pairs' // words of the form name=value, or the old form `name value`: ENV, LABEL
  | 'list' // at white space: FROM, EXPOSE
  | 'json-or-text' // a JSON array, else one text: RUN, CMD, ENTRYPOINT, SHELL
  | 'json-or-list' // a JSON array, else at white space: COPY, ADD, VOLUME
  | 'health' // a type, then a JSON array or a text: HEALTHCHECK
  | 'trigger'; // an instruction: ONBUILD

export interface Operands {
  readonly tokens: readonly Token[];
  /** True if they were a JSON array: the exec form. */
  readonly json: boolean;
}

/** Divides what follows keyword and flags. @throws StagecraftError `dockerfile` with its range */
export function splitOperands(
  grammar: Grammar,
  rest: Token,
  line: LogicalLine,
  escapeToken: EscapeToken,
): Operands {
  switch (grammar) {
    case 'words':
    case 'pairs':
      return { tokens: splitWords(rest, escapeToken), json: false };
    case 'list':
      return { tokens: splitList(rest), json: false };
    case 'json-or-text':
      return splitJson(rest, line) ?? { tokens: textToken(rest), json: false };
    case 'json-or-list':
      return splitJson(rest, line) ?? { tokens: splitList(rest), json: false };
    case 'health':
      return splitHealth(rest, line);
    default:
      return { tokens: textToken(rest), json: false };
  }
}

function textToken(rest: Token): Token[] {
  return rest.text === '' ? [] : [rest];
}

function splitJson(rest: Token, line: LogicalLine): Operands | undefined {
  const elements = parseJsonStrings(rest);
  if (elements === 'mixed')
    fail('A JSON array of arguments may hold nothing but strings.', line.range(rest), 'Quote each element.');
  return elements && { tokens: elements, json: true };
}

function splitHealth(rest: Token, line: LogicalLine): Operands {
  const { text } = rest;
  let typeEnd = 0;
  while (typeEnd < text.length && !isSpace(text[typeEnd]!)) typeEnd++;
  if (typeEnd === 0) return { tokens: [], json: false };
  let start = typeEnd;
  while (start < text.length && isSpace(text[start]!)) start++;
  const type = { text: text.slice(0, typeEnd), start: rest.start, end: rest.start + typeEnd };
  const command = { text: text.slice(start), start: rest.start + start, end: rest.end };
  const { tokens, json } = splitOperands('json-or-text', command, line, '\\');
  return { tokens: [type, ...tokens], json };
}

function splitList({ text, start }: Token): Token[] {
  if (text === '') return [];
  const tokens: Token[] = [];
  let from = 0;
  for (const blank of text.matchAll(/[\t\v\f\r ]+/g)) {
    tokens.push(shift(token(text, from, blank.index), start));
    from = blank.index + blank[0].length;
  }
  tokens.push(shift(token(text, from, text.length), start));
  return tokens;
}

function shift({ text, start, end }: Token, by: number): Token {
  return { text, start: start + by, end: end + by };
}

/** Words at white space that is neither quoted nor escaped. Quotes and escape characters stay: expansion needs them. */
function splitWords({ text, start: base }: Token, escapeToken: EscapeToken): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    if (isSpace(text[at]!)) {
      at++;
      continue;
    }
    const start = at;
    let word = '';
    let quote = '';
    for (; at < text.length; at++) {
      const char = text[at]!;
      if (quote === '' && isSpace(char)) break;
      if (char === escapeToken && quote !== "'") {
        // An escape character at the very end is dropped.
        if (at + 1 < text.length) word += char + text[++at];
        continue;
      }
      if (char === quote) quote = '';
      else if (quote === '' && (char === '"' || char === "'")) quote = char;
      word += char;
    }
    if (word !== '') tokens.push({ text: word, start: base + start, end: base + at });
  }
  return tokens;
}
