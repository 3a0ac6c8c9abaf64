/** Text in which nothing moves the cursor: tabs become spaces, other control characters vanish. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about.
  return text.replaceAll('\t', '    ').replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '');
}

/** The same of a text of several lines, whose line breaks stay. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}
