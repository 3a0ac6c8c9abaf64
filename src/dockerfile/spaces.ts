const space = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** White space as the Dockerfile language has it: Unicode's White_Space property (JavaScript's `\s` differs). */
export function isSpace(char: string): boolean {
  return space.test(char);
}

/** Where a text's first character that is no white space is; its length if there is none. */
export function leadingSpace(text: string, from = 0): number {
  let at = from;
  while (at < text.length && isSpace(text[at]!)) at++;
  return at;
}

/** Where the white space that ends a text begins. */
export function trailingSpace(text: string): number {
  let at = text.length;
  while (at > 0 && isSpace(text[at - 1]!)) at--;
  return at;
}

export function trimSpace(text: string): string {
  return text.slice(leadingSpace(text), trailingSpace(text));
}
