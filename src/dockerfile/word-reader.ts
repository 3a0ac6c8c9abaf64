import { fail } from './fail.ts';
import { replaceMatches, trimPrefix, trimSuffix } from './shell-pattern.ts';
import type { Environment, ExpandOptions } from './types.ts';
import { WordList } from './word-list.ts';

/** `${a:-${b:-...}}` deeper than this is refused, lest the stack overflow. */
const maximumDepth = 500;

/** No process is given a text as long as this. */
const maximumLength = 1_000_000;

const letter = /^[\p{L}\p{Nd}_]/u;
const digit = /^\p{Nd}/u;
/** POSIX's special parameters. None is ever set in a Dockerfile, but they are names. */
const specialParameters = '@*#?-$!0';

/** Reads a text once, from left to right, expanding as it goes. */
export class WordReader {
  readonly #text: string;
  readonly #env: Environment;
  readonly #options: ExpandOptions;
  readonly #escape: string;
  readonly #used: Set<string>;
  readonly #unmatched: Set<string>;
  #at = 0;
  #rawEscapes: boolean;
  #depth = 0;
  #length = 0;

  constructor(
    text: string,
    env: Environment,
    options: ExpandOptions,
    used: Set<string>,
    unmatched: Set<string>,
  ) {
    this.#text = text;
    this.#env = env;
    this.#options = options;
    this.#escape = options.escape ?? '\\';
    this.#rawEscapes = options.rawEscapes ?? false;
    this.#used = used;
    this.#unmatched = unmatched;
  }

  readAll(): { result: string; words: string[] } {
    const words = new WordList();
    return { result: this.#readUntil('', words), words: words.finish() };
  }

  /** Reads to the stop character, which it consumes, or for an empty one to the end. */
  #readUntil(stop: string, words?: WordList): string {
    let result = '';
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at]!;
      if (char === stop) {
        this.#at++;
        return result;
      }
      const special = this.#readSpecial(char);
      if (special !== undefined) {
        result += special;
        if (char === '$') words?.addSplit(special);
        else words?.add(special);
        continue;
      }
      this.#at++;
      if (char !== this.#escape) {
        result += char;
        words?.addSplit(char);
        continue;
      }
      if (this.#rawEscapes) {
        result += char;
        words?.add(char);
      }
      if (this.#at >= this.#text.length) break;
      const escaped = this.#text[this.#at++]!;
      result += escaped;
      words?.add(escaped);
    }
    if (stop !== '') fail(`a closing "${stop}" is missing.`);
    return result;
  }

  #readSpecial(char: string): string | undefined {
    if (char === '$') return this.#readVariable();
    if (char === '<') return this.#readAngle();
    if (this.#options.ignoreQuotes) return undefined;
    if (char === "'") return this.#readSingleQuoted();
    if (char === '"') return this.#readDoubleQuoted();
    return undefined;
  }

  /** Everything up to the next single quote stands for itself. */
  #readSingleQuoted(): string {
    const end = this.#text.indexOf("'", this.#at + 1);
    if (end < 0) fail('a single quote is not closed.');
    const result = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    return this.#options.rawQuotes ? `'${result}'` : result;
  }

  /** Variables are replaced; the escape character is one only before `"`, `$` and itself. */
  #readDoubleQuoted(): string {
    const quote = this.#options.rawQuotes ? '"' : '';
    let result = quote;
    this.#at++;
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at]!;
      if (char === '$') {
        result += this.#readVariable();
        continue;
      }
      this.#at++;
      if (char === '"') return result + quote;
      if (char !== this.#escape) {
        result += char;
        continue;
      }
      if (this.#rawEscapes) result += char;
      const next = this.#text[this.#at];
      if (next === undefined) break;
      const escapes = next === '"' || next === '$' || next === this.#escape;
      result += escapes ? next : char;
      if (escapes) this.#at++;
    }
    fail('a double quote is not closed.');
  }

  /** A here-document's marker and the blanks after it belong to the word that follows. */
  #readAngle(): string {
    const start = this.#at++;
    if (this.#text[this.#at] !== '<') return '<';
    this.#at++;
    while (' \t\r'.includes(this.#text[this.#at] ?? 'x')) this.#at++;
    return this.#text.slice(start, this.#at);
  }

  #readVariable(): string {
    this.#at++;
    if (this.#text[this.#at] === '{') {
      this.#at++;
      return this.#readBraces();
    }
    const name = this.#readName();
    if (name === '') return '$';
    const value = this.#lookUp(name);
    return value ?? (this.#options.keepUnset ? `$${name}` : '');
  }

  /** What follows `${`. */
  #readBraces(): string {
    const first = this.#text[this.#at];
    if (first === undefined) fail('a closing "}" is missing.');
    if ('{}:'.includes(first)) fail('a variable name is missing after "${".');
    const name = this.#readName();
    const modifier = this.#text[this.#at++];
    switch (modifier) {
      case undefined:
        return fail('a closing "}" is missing.');
      case '}': {
        const value = this.#lookUp(name);
        return value ?? (this.#options.keepUnset ? `\${${name}}` : '');
      }
      case '/':
        return this.#replace(name);
      case ':':
        return this.#modify(name, this.#text[this.#at++] ?? '', true);
      case '-':
      case '+':
      case '?':
      case '#':
      case '%':
        return this.#modify(name, modifier, false);
      default:
        return fail(unknownModifier(modifier));
    }
  }

  /** `${name-word}` and its like; with `colon` an empty value counts as none. */
  #modify(name: string, modifier: string, colon: boolean): string {
    const isTrim = modifier === '#' || modifier === '%';
    if (isTrim ? colon : !'-+?'.includes(modifier) || modifier === '')
      fail(unknownModifier(`${colon ? ':' : ''}${modifier}`));
    const word = this.#readNested('}', isTrim);
    const value = this.#lookUp(name);
    if (value === undefined && this.#options.keepUnset) {
      return `\${${name}${colon ? ':' : ''}${modifier}${word}}`;
    }
    const missing = value === undefined || (colon && value === '');
    if (modifier === '-') return missing ? word : value;
    if (modifier === '+') return missing ? '' : word;
    if (modifier === '?') {
      if (!missing) return value;
      const state = value === undefined ? 'set' : 'empty';
      fail(`${name}: ${word || (state === 'set' ? 'is not set.' : 'is empty.')}`);
    }
    const greedy = word.startsWith(modifier);
    const pattern = greedy ? word.slice(1) : word;
    return (modifier === '#' ? trimPrefix : trimSuffix)(value ?? '', pattern, greedy);
  }

  /** `${name/pattern/replacement}`, or with `//` every match. */
  #replace(name: string): string {
    const all = this.#text[this.#at] === '/';
    if (all) this.#at++;
    const pattern = this.#readNested('/', true);
    const replacement = this.#readNested('}', true);
    const value = this.#lookUp(name);
    if (value === undefined && this.#options.keepUnset) {
      return `\${${name}${all ? '//' : '/'}${pattern}/${replacement}}`;
    }
    const replaced = replaceMatches(value ?? '', pattern, replacement, all, maximumLength);
    this.#grow(replaced.length);
    return replaced;
  }

  /** Counts what comes out of variables, for a value that repeats another doubles it. */
  #grow(characters: number): void {
    this.#length += characters;
    if (this.#length > maximumLength) fail(`it becomes longer than ${maximumLength} characters.`);
  }

  #readNested(stop: string, rawEscapes: boolean): string {
    if (++this.#depth > maximumDepth) fail('its variables are nested too deeply.');
    const outer = this.#rawEscapes;
    this.#rawEscapes = rawEscapes;
    const result = this.#readUntil(stop);
    this.#rawEscapes = outer;
    this.#depth--;
    return result;
  }

  /** Letters, digits and `_`; a name that starts with a digit has digits only; or one special parameter. */
  #readName(): string {
    const start = this.#at;
    const first = this.#charAt(start);
    if (first === undefined) return '';
    const pattern = digit.test(first) ? digit : letter;
    if (pattern === letter && specialParameters.includes(first)) {
      this.#at++;
      return first;
    }
    for (let char: string | undefined = first; char !== undefined && pattern.test(char); ) {
      this.#at += char.length;
      char = this.#charAt(this.#at);
    }
    return this.#text.slice(start, this.#at);
  }

  /** The whole character there, which may be two UTF-16 units. */
  #charAt(at: number): string | undefined {
    const code = this.#text.codePointAt(at);
    return code === undefined ? undefined : String.fromCodePoint(code);
  }

  #lookUp(name: string): string | undefined {
    const value = this.#env.get(name);
    this.#grow(value?.length ?? 0);
    (value === undefined ? this.#unmatched : this.#used).add(name);
    return value;
  }
}

function unknownModifier(modifier: string): string {
  return `"${modifier}" is no modifier that a variable can have.`;
}
