import { bytesFromText, textFromBytes } from '../util/bytes.ts';
import { fail, quote } from './fail.ts';

/** One character of a pattern, or a wildcard. */
type Part = string | Wildcard | CharacterClass;

const any = Symbol('?');
/** Any text of one path element. */
const star = Symbol('*');
/** `**`: nothing, or anything that ends in a slash. */
const directories = Symbol('**/');
/** A final `**`: anything. */
const rest = Symbol('**');
type Wildcard = typeof any | typeof star | typeof directories | typeof rest;

interface CharacterClass {
  readonly negated: boolean;
  readonly ranges: readonly (readonly [low: number, high: number])[];
}

/**
 * A pattern for slash-separated paths, with the meaning that Docker gives it: `?` and `*` do not match a slash, `**`
 * does, `[a-z]` and `[^a-z]` are classes, `\` takes the next character as it is. Matching takes time proportional to
 * pattern and path, whatever they are.
 */
export class PathPattern {
  readonly text: string;
  readonly #parts: readonly Part[];
  readonly #isBytes: boolean;
  /** What every match begins and ends with, in the paths' encoding. */
  readonly #prefix: string;
  readonly #suffix: string;
  /** How much of the pattern the prefix is. */
  readonly #prefixParts: number;
  readonly #kind: Kind;
  /** True if a match may have a slash. */
  readonly #crosses: boolean;
  /** For each number of parts the last step of {@link #run} in which it was reached. */
  readonly #reached: Float64Array;
  #stepCount = 0;

  /**
   * @param isBytes paths are byte strings, see util/bytes.ts; the pattern is text in any case
   * @throws StagecraftError `dockerfile`, without a range: a class or an escape is not complete
   */
  constructor(text: string, isBytes = false) {
    this.text = text;
    this.#isBytes = isBytes;
    const parts = parsePattern(text);
    this.#parts = parts;
    this.#kind = kindOf(parts);
    const first = parts.findIndex(isWildcard);
    const last = parts.findLastIndex(isWildcard);
    this.#prefixParts = first < 0 ? parts.length : first;
    // Of `**/name*.ext`, what the last element of the path begins with.
    const from = this.#kind === 'name' && parts[0] === directories ? 1 : 0;
    this.#prefix = this.#encode(parts.slice(from, from === 0 ? this.#prefixParts : last));
    this.#suffix = this.#encode(parts.slice(last + 1));
    if (this.#kind === 'suffix' && text.startsWith('**/')) this.#suffix = `/${this.#suffix}`;
    this.#crosses = parts.some(part => part === '/' || (isWildcard(part) && part !== star && part !== any));
    this.#reached = new Float64Array(parts.length + 1);
  }

  #encode(parts: readonly Part[]): string {
    const text = parts.join('');
    return this.#isBytes ? bytesFromText(text) : text;
  }

  /** True if the path, as a whole, matches. */
  matches(path: string): boolean {
    switch (this.#kind) {
      case 'exact':
        return path === this.#prefix;
      case 'prefix':
        return path.startsWith(this.#prefix);
      case 'suffix':
        return path.endsWith(this.#suffix) || (this.#suffix[0] === '/' && path === this.#suffix.slice(1));
      case 'name':
        return path.endsWith(this.#suffix) && this.#matchesName(path);
      default:
        return (
          path.startsWith(this.#prefix) &&
          path.endsWith(this.#suffix) &&
          this.#run(path.slice(this.#prefix.length)).includes(this.#parts.length)
        );
    }
  }

  /** One `*` and nothing else but text, perhaps in any directory. */
  #matchesName(path: string): boolean {
    const start = this.#parts[0] === directories ? path.lastIndexOf('/') + 1 : 0;
    const starEnd = path.length - this.#suffix.length;
    const starStart = start + this.#prefix.length;
    if (starEnd < starStart || !path.startsWith(this.#prefix, start)) return false;
    const slash = path.indexOf('/', starStart);
    return slash < 0 || slash >= starEnd;
  }

  /** True if something below the directory may match. */
  mayMatchBelow(directory: string): boolean {
    if (this.#kind === 'suffix' || this.#parts[0] === directories) return true;
    if (!this.#crosses) return false;
    const start = `${directory}/`;
    if (start.length <= this.#prefix.length) return this.#prefix.startsWith(start);
    if (this.#kind === 'exact' || !start.startsWith(this.#prefix)) return false;
    return this.#kind === 'prefix' || this.#run(start.slice(this.#prefix.length)).length > 0;
  }

  /** Which numbers of parts can have matched when all of a path, after the prefix, is read. */
  #run(path: string): number[] {
    this.#stepCount++;
    let states: number[] = [];
    this.#enter(states, this.#prefixParts);
    for (const char of this.#isBytes ? textFromBytes(path) : path) {
      this.#stepCount++;
      const next: number[] = [];
      for (const state of states) this.#step(next, state, char);
      states = next;
      if (states.length === 0) break;
    }
    return states;
  }

  /** Adds a state, and those that follow from it without reading anything. */
  #enter(states: number[], state: number): void {
    for (let at = state; this.#add(states, at); at++) {
      const part = this.#parts[at];
      if (part !== star && part !== directories && part !== rest) break;
    }
  }

  #add(states: number[], state: number): boolean {
    if (this.#reached[state] === this.#stepCount) return false;
    this.#reached[state] = this.#stepCount;
    states.push(state);
    return true;
  }

  #step(next: number[], state: number, char: string): void {
    const part = this.#parts[state];
    if (part === undefined) return;
    if (part === rest) this.#enter(next, state);
    else if (part === star) {
      if (char !== '/') this.#enter(next, state);
    } else if (part === directories) {
      this.#add(next, state);
      if (char === '/') this.#enter(next, state + 1);
    } else if (part === any ? char !== '/' : matchesChar(part, char)) this.#enter(next, state + 1);
  }
}

/** Most patterns are of a kind that needs no step by step reading. */
type Kind = 'exact' | 'prefix' | 'suffix' | 'name' | 'general';

function kindOf(parts: readonly Part[]): Kind {
  const wildcards = parts.filter(isWildcard);
  const [only] = wildcards;
  if (only === undefined) return 'exact';
  if (wildcards.length === 1) {
    if (only === star) return 'name';
    // Docker takes a leading ** before plain text as "ends with", even within a path element.
    if (parts[0] === only && (only === rest || only === directories)) return 'suffix';
    return only === rest ? 'prefix' : 'general';
  }
  const isName = wildcards.length === 2 && parts[0] === directories && wildcards[1] === star;
  return isName && !parts.includes('/') ? 'name' : 'general';
}

function isWildcard(part: Part): boolean {
  return typeof part !== 'string';
}

function matchesChar(part: string | CharacterClass | symbol, char: string): boolean {
  if (typeof part === 'string') return part === char;
  if (typeof part === 'symbol') return false;
  const code = char.codePointAt(0)!;
  return part.ranges.some(([low, high]) => low <= code && code <= high) !== part.negated;
}

function parsePattern(text: string): Part[] {
  const chars = Array.from(text);
  const parts: Part[] = [];
  for (let at = 0; at < chars.length; ) {
    const char = chars[at++]!;
    if (char === '?') parts.push(any);
    else if (char === '\\') {
      const escaped = chars[at++];
      if (escaped === undefined) bad(text, 'nothing follows its last "\\"');
      parts.push(escaped);
    } else if (char === '[') {
      const { part, end } = parseClass(text, chars, at);
      parts.push(part);
      at = end;
    } else if (char !== '*') parts.push(char);
    else if (chars[at] !== '*') parts.push(star);
    else {
      at++;
      // The slash after ** belongs to it: it matches no directory as well.
      if (chars[at] === '/') at++;
      parts.push(at === chars.length ? rest : directories);
    }
  }
  return parts;
}

function parseClass(
  text: string,
  chars: readonly string[],
  start: number,
): { part: CharacterClass; end: number } {
  let at = start;
  const negated = chars[at] === '^';
  if (negated) at++;
  const readChar = (): number => {
    let char = chars[at++];
    if (char === '-' || char === ']') bad(text, `"${char}" is out of place in its class`);
    if (char === '\\') char = chars[at++];
    if (char === undefined || at >= chars.length) bad(text, 'its class has no "]"');
    return char.codePointAt(0)!;
  };
  const ranges: [number, number][] = [];
  while (chars[at] !== ']' || ranges.length === 0) {
    const low = readChar();
    let high = low;
    if (chars[at] === '-') {
      at++;
      high = readChar();
    }
    ranges.push([low, high]);
  }
  return { part: { negated, ranges }, end: at + 1 };
}

function bad(text: string, reason: string): never {
  fail(`The pattern ${quote(text)} is not complete: ${reason}.`);
}
