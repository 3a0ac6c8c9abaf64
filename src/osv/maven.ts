import { compareNumbers, compareTexts } from './order.ts';

/** What stands before a token: `.` or `-`. */
interface Token {
  readonly separator: string;
  readonly text: string;
}

const qualifiers = ['alpha', 'beta', 'milestone', 'rc', 'snapshot', '', 'sp'];
const names: Readonly<Record<string, string>> = { cr: 'rc', ga: '', final: '', release: '' };
const shorts: Readonly<Record<string, string>> = { a: 'alpha', b: 'beta', m: 'milestone' };

/** Maven's order of versions: its POM reference, "Version Order Specification". */
export function compareMaven(a: string, b: string): number {
  const [left, right] = [tokensOf(a), tokensOf(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const order = compareTokens(left[i] ?? padding(right[i]!), right[i] ?? padding(left[i]!));
    if (order !== 0) return order;
  }
  return 0;
}

function tokensOf(version: string): Token[] {
  const tokens: Token[] = [];
  const text = version.toLowerCase().replace(/_/g, '-');
  for (const match of text.matchAll(/([.-]?)(\d+|[^.\d-]+|(?=[.-]|$))/g)) {
    if (match[0] === '') continue;
    const [, separator = '', word = ''] = match;
    const isNumber = /^\d/.test(word);
    // Only a letter with a digit right behind it is short for a word.
    const next = text[match.index + match[0].length] ?? '';
    const long = !isNumber && /\d/.test(next) ? (shorts[word] ?? word) : word;
    tokens.push({
      separator: separator || (tokens.length === 0 ? '' : '-'),
      text: word === '' ? '0' : (names[long] ?? long),
    });
  }
  return trim(tokens);
}

/** Without the zeros and empty words at the end, and before each hyphen. */
function trim(tokens: Token[]): Token[] {
  for (let i = tokens.length - 1; i > 0; i--) {
    const next = tokens[i + 1];
    if (isNull(tokens[i]!) && (next === undefined || next.separator === '-')) tokens.splice(i, 1);
  }
  return tokens;
}

function isNull({ text }: Token): boolean {
  return text === '' || /^0+$/.test(text);
}

function padding({ separator, text }: Token): Token {
  return { separator, text: separator === '.' || /^\d/.test(text) ? (/^\d/.test(text) ? '0' : '') : '' };
}

function compareTokens(a: Token, b: Token): number {
  const [isNumber, isOther] = [/^\d/.test(a.text), /^\d/.test(b.text)];
  // A word, then a number behind a hyphen, then one behind a point.
  const weight = (token: Token, number: boolean): number => (!number ? 0 : token.separator === '-' ? 1 : 2);
  const order = weight(a, isNumber) - weight(b, isOther);
  if (order !== 0) return order;
  if (isNumber) return compareNumbers([a.text], [b.text]);
  const [left, right] = [qualifiers.indexOf(a.text), qualifiers.indexOf(b.text)];
  // Words that Maven does not know come behind those it knows.
  if (left < 0 && right < 0) return compareTexts(a.text, b.text);
  return (left < 0 ? qualifiers.length : left) - (right < 0 ? qualifiers.length : right);
}
