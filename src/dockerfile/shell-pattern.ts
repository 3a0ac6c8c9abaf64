import { fail, quote } from './fail.ts';

/**
 * Patterns of `${x#pattern}` and its like: `*` is any text and `?` any character of one line, `\` makes either
 * ordinary, and there are no classes. Matching takes time proportional to text and pattern, whatever they are.
 */
type Part = string | typeof any | typeof star;
const any = Symbol('?');
const star = Symbol('*');

/** The value without the shortest (greedy: longest) beginning that matches. */
export function trimPrefix(value: string, pattern: string, greedy: boolean): string {
  checkWork(value, pattern);
  const chars = Array.from(value);
  const length = matchFrom(chars, parsePattern(pattern), greedy);
  return chars.slice(length ?? 0).join('');
}

/** The value without the shortest (greedy: longest) ending that matches. */
export function trimSuffix(value: string, pattern: string, greedy: boolean): string {
  checkWork(value, pattern);
  const chars = Array.from(value).reverse();
  const length = matchFrom(chars, parsePattern(pattern).reverse(), greedy);
  return chars
    .slice(length ?? 0)
    .reverse()
    .join('');
}

/** The value with the first match, or all, replaced; each match is as long as it can be. */
export function replaceMatches(
  value: string,
  pattern: string,
  replacement: string,
  all: boolean,
  maximumLength: number,
): string {
  checkWork(value, pattern);
  const chars = Array.from(value);
  const parts = parsePattern(pattern);
  const replaced: string[] = [];
  let length = 0;
  let copied = 0;
  for (let from = 0; from <= chars.length; ) {
    const match = findMatch(chars, parts, from);
    if (!match) break;
    // An empty match right behind another match is none.
    if (match.end > copied || match.start === 0) {
      replaced.push(...slices(chars, copied, match.start), replacement);
      length += replacement.length;
      if (length > maximumLength) fail(`it becomes longer than ${maximumLength} characters.`);
      copied = match.end;
      if (!all) break;
    }
    from = Math.max(match.end, from + 1);
  }
  return replaced.join('') + chars.slice(copied).join('');
}

function slices(chars: readonly string[], start: number, end: number): string[] {
  return start < end ? [chars.slice(start, end).join('')] : [];
}

/** Refuses what would take minutes: no value and no pattern of a real Dockerfile come near. */
function checkWork(value: string, pattern: string): void {
  if (value.length * pattern.length > 10_000_000)
    fail('its pattern and its value are too long together.', undefined, 'Make one of the two shorter.');
}

function parsePattern(pattern: string): Part[] {
  const chars = Array.from(pattern);
  const parts: Part[] = [];
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i]!;
    if (char === '*') parts.push(star);
    else if (char === '?') parts.push(any);
    else if (char !== '\\') parts.push(char);
    else {
      const escaped = chars[++i];
      if (escaped === undefined || !'*?\\}/'.includes(escaped))
        fail(`the pattern ${quote(pattern)} escapes ${escaped ?? 'nothing'}; only * ? \\ } / can be.`);
      parts.push(escaped);
    }
  }
  return parts;
}

/** The length of the longest or shortest beginning that matches. */
function matchFrom(chars: readonly string[], parts: readonly Part[], longest: boolean): number | undefined {
  let states = addState(new Set<number>(), parts, 0);
  let length: number | undefined;
  for (let i = 0; states.size > 0; i++) {
    if (states.has(parts.length)) {
      length = i;
      if (!longest) break;
    }
    if (i === chars.length) break;
    const next = new Set<number>();
    for (const state of states) advance(next, parts, state, chars[i]!);
    states = next;
  }
  return length;
}

/** A state is how many parts have matched; a star may match nothing. */
function addState(states: Set<number>, parts: readonly Part[], state: number): Set<number> {
  for (let at = state; !states.has(at); at++) {
    states.add(at);
    if (parts[at] !== star) break;
  }
  return states;
}

function advance(next: Set<number>, parts: readonly Part[], state: number, char: string): void {
  const part = parts[state];
  if (part === star && char !== '\n') addState(next, parts, state);
  else if ((part === any && char !== '\n') || part === char) addState(next, parts, state + 1);
}

/** The first match from a place on, at its longest. */
function findMatch(
  chars: readonly string[],
  parts: readonly Part[],
  from: number,
): { start: number; end: number } | undefined {
  // For each state the earliest start from which it was reached.
  let states = new Map<number, number>();
  let match: { start: number; end: number } | undefined;
  for (let i = from; ; i++) {
    if (!match) reach(states, parts, 0, i);
    const start = states.get(parts.length);
    if (start !== undefined && (!match || start <= match.start)) match = { start, end: i };
    if (i >= chars.length) return match;
    const next = new Map<number, number>();
    for (const [state, origin] of states) {
      if (match && origin > match.start) continue;
      const part = parts[state];
      const char = chars[i]!;
      if (part === star && char !== '\n') reach(next, parts, state, origin);
      else if ((part === any && char !== '\n') || part === char) reach(next, parts, state + 1, origin);
    }
    if (match && next.size === 0) return match;
    states = next;
  }
}

function reach(states: Map<number, number>, parts: readonly Part[], state: number, origin: number): void {
  for (let at = state; (states.get(at) ?? Number.POSITIVE_INFINITY) > origin; at++) {
    states.set(at, origin);
    if (parts[at] !== star) break;
  }
}
