/** A truth value as Go's `strconv.ParseBool` reads it, which Docker's tools use; nothing for any other text. */
export function parseBoolean(text: string): boolean | undefined {
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  return /^(0|f|F|FALSE|false|False)$/.test(text) ? false : undefined;
}
