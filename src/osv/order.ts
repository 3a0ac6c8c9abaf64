/** Orders texts by their characters' codes: negative, 0 or positive. */
export function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Orders lists of decimal numbers of any length; one that ends counts as followed by zeros. */
export function compareNumbers(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [left, right] = [strip(a[i]), strip(b[i])];
    const order = left.length - right.length || compareTexts(left, right);
    if (order !== 0) return Math.sign(order);
  }
  return 0;
}

function strip(number = '0'): string {
  return number.replace(/^0+/, '');
}
