import type { Token } from './logical-line.ts';
import { leadingSpace } from './spaces.ts';

/**
 * The elements of a JSON array of strings, each with its place. `mixed` if it is an array that holds something else;
 * nothing if it is no JSON array at all, for then the text is meant as it is.
 */
export function parseJsonStrings({ text, start }: Token): Token[] | 'mixed' | undefined {
  const from = leadingSpace(text);
  if (text[from] !== '[') return undefined;
  const array = parseArray(text.slice(from));
  if (!array) return undefined;
  if (!array.every(element => typeof element === 'string')) return 'mixed';
  const tokens: Token[] = [];
  let at = from;
  for (const element of array) {
    const open = text.indexOf('"', at);
    at = closingQuote(text, open) + 1;
    // A lone surrogate cannot be written to a file or a process.
    tokens.push({ text: element.toWellFormed(), start: start + open, end: start + at });
  }
  return tokens;
}

function parseArray(text: string): unknown[] | undefined {
  try {
    return JSON.parse(text, (_key, value) => {
      if (typeof value === 'number' && !Number.isFinite(value)) throw new RangeError('no such number');
      return value;
    });
  } catch {
    return undefined;
  }
}

function closingQuote(text: string, open: number): number {
  let at = open + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}
