// History texts are what Go's fmt package made of the values, and tools compare them. These are its formats.

const escapes: Record<string, string> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

/** `%q` of a string. */
export function goQuote(text: string): string {
  let quoted = '';
  for (const char of text) quoted += escapes[char] ?? (isPrint(char) ? char : escapeOf(char));
  return `"${quoted}"`;
}

/** Go's unicode.IsPrint: letters, marks, numbers, punctuation, symbols, and of spaces only the ASCII one. */
function isPrint(char: string): boolean {
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(char);
}

function escapeOf(char: string): string {
  const code = char.codePointAt(0) as number;
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`;
  if (code < 0x10000) return `\\u${code.toString(16).padStart(4, '0')}`;
  return `\\U${code.toString(16).padStart(8, '0')}`;
}

/** `%q` of a list of strings. */
export function goQuoteList(texts: readonly string[]): string {
  return `[${texts.map(goQuote).join(' ')}]`;
}

/** `%v` of a list of strings. */
export function goList(texts: readonly string[]): string {
  return `[${texts.join(' ')}]`;
}

/** `%v` of a duration in nanoseconds: `1h0m0s`, `1m30s`, `1.5s`, `500ms`, `0s`. */
export function goDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return '0s';
  const sign = nanoseconds < 0 ? '-' : '';
  const value = Math.abs(nanoseconds);
  if (value < 1e3) return `${sign}${value}ns`;
  if (value < 1e6) return `${sign}${fraction(value, 1e3)}µs`;
  if (value < 1e9) return `${sign}${fraction(value, 1e6)}ms`;
  const minutes = Math.floor(value / 60e9);
  const seconds = `${fraction(value - minutes * 60e9, 1e9)}s`;
  if (minutes === 0) return sign + seconds;
  if (minutes < 60) return `${sign}${minutes}m${seconds}`;
  return `${sign}${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`;
}

/** `value / unit` with as many decimals as it needs. */
function fraction(value: number, unit: number): string {
  const whole = Math.floor(value / unit);
  const rest = value - whole * unit;
  if (rest === 0) return String(whole);
  const digits = Math.round(Math.log10(unit));
  return `${whole}.${String(rest).padStart(digits, '0').replace(/0+$/, '')}`;
}
