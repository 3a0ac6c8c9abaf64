import { StagecraftError } from '../util/errors.ts';
import { fail, quote } from './fail.ts';
import type { Environment, ExpandOptions, Expansion } from './types.ts';
import { WordReader } from './word-reader.ts';

/**
 * Expands a word: variables are replaced, quotes and escape characters removed, white space is kept. The rules are a
 * shell's, as far as the Dockerfile reference has them: `$x`, `${x}`, and in braces the modifiers `-` `:-` `+` `:+`
 * `?` `:?` `#` `##` `%` `%%` `/` `//`; an unknown variable is empty.
 *
 * @throws StagecraftError `dockerfile`, without a range: a quote or brace is not closed, a modifier is unknown, or
 *   `:?` found nothing
 */
export function expandWord(word: string, env: Environment, options: ExpandOptions = {}): Expansion {
  const used = new Set<string>();
  const unmatched = new Set<string>();
  if (isPlain(word, options) && !word.startsWith(byteOrderMark)) return { result: word, used, unmatched };
  const reader = new WordReader(withoutMark(word), env, options, used, unmatched);
  return { result: run(word, () => reader.readAll().result), used, unmatched };
}

/** Expands a text and splits it at white space that no quote protects, after the expansion, as a shell does. */
export function expandWords(text: string, env: Environment, options: ExpandOptions = {}): string[] {
  const reader = new WordReader(withoutMark(text), env, options, new Set(), new Set());
  return run(text, () => reader.readAll().words);
}

/** Expands the body of a here-document of `COPY` or `ADD`: quotes are ordinary there, and `\` always escapes. */
export function expandHeredoc(body: string, env: Environment): Expansion {
  return expandWord(body, env, { escape: '\\', ignoreQuotes: true });
}

const byteOrderMark = '\ufeff';

/** Like BuildKit, whose scanner takes each word for a text of its own that may begin with a byte order mark. */
function withoutMark(word: string): string {
  return word.startsWith(byteOrderMark) ? word.slice(1) : word;
}

/** True for most words: nothing in them is to be replaced. */
function isPlain(word: string, options: ExpandOptions): boolean {
  if (word.includes('$') || word.includes(options.escape ?? '\\')) return false;
  return options.ignoreQuotes === true || (!word.includes('"') && !word.includes("'"));
}

function run<T>(word: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof StagecraftError)) throw error;
    fail(`Cannot expand ${quote(word)}: ${error.message}`, undefined, error.hint);
  }
}
