/** A paragraph of a Debian control file (deb822(5)): values by field name in lower case. */
export type Stanza = ReadonlyMap<string, string>;

/**
 * Reads all paragraphs. Continuation lines keep their line break and lose their first blank; a line of a single dot
 * stands for an empty one. Comment lines are skipped.
 */
export function parseStanzas(text: string): Stanza[] {
  const stanzas: Stanza[] = [];
  let current: Map<string, string> | undefined;
  let name = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('#')) continue;
    if (line.trim() === '') {
      current = undefined;
      continue;
    }
    if (line[0] === ' ' || line[0] === '\t') {
      const more = line.slice(1).trimEnd();
      current?.set(name, `${current.get(name) ?? ''}\n${more.trim() === '.' ? '' : more}`);
      continue;
    }
    const colon = line.indexOf(':');
    if (colon < 0) continue;
    if (!current) {
      current = new Map();
      stanzas.push(current);
    }
    name = line.slice(0, colon).trim().toLowerCase();
    current.set(name, line.slice(colon + 1).trim());
  }
  return stanzas;
}
