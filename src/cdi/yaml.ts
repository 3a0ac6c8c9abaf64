import { parse } from 'yaml';

/** The value of a YAML document. A module of its own, so that the library is loaded for such files alone. */
export function parseYaml(text: string): unknown {
  return parse(text);
}
