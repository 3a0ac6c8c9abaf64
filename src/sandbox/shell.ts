/** A word of a shell command that stands for exactly this text. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A command whose words stand for exactly these texts. */
export function shellCommand(words: readonly string[]): string {
  return words.map(quote).join(' ');
}
