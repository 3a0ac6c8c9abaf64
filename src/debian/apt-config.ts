import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isErrno } from '../util/errors.ts';

/** Settings of apt.conf(5): scalar values by their full name in lower case, such as `acquire::http::proxy`. */
export type AptConfig = ReadonlyMap<string, string>;

const token = /\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/|#(?!clear\b)[^\n]*|"([^"]*)"|([{};])|([^\s{};"]+)/g;

/** Reads one apt.conf file into the map; later settings win. List items (`Name:: "value";`) are of no use here. */
function parseAptConfig(text: string, into: Map<string, string>): void {
  const scopes: string[] = [];
  let words: string[] = [];
  const full = (name: string) => [...scopes, name.toLowerCase()].filter(part => part !== '').join('::');
  for (const [, quoted, sign, word] of text.matchAll(token)) {
    if (quoted !== undefined || word !== undefined) {
      words.push((quoted ?? word)!);
    } else if (sign === '{') {
      scopes.push((words[0] ?? '').toLowerCase());
      words = [];
    } else if (sign === ';' || sign === '}') {
      const [name, value] = words;
      if (name === '#clear') {
        for (const key of into.keys()) if (key.startsWith(full(value ?? ''))) into.delete(key);
      } else if (name !== undefined && value !== undefined && !name.endsWith('::'))
        into.set(full(name), value);
      if (sign === '}') scopes.pop();
      words = [];
    }
  }
}

/** The machine's apt settings, in apt's own order of files. Files that are not readable do not count. */
export function readAptConfig(aptDir: string): AptConfig {
  const settings = new Map<string, string>();
  for (const file of [...listParts(join(aptDir, 'apt.conf.d'), ''), join(aptDir, 'apt.conf')]) {
    const text = readIfThere(file);
    if (text !== undefined) parseAptConfig(text, settings);
  }
  return settings;
}

/** A setting that apt takes as true or false. */
export function aptFlag(config: AptConfig, name: string, fallback: boolean): boolean {
  const value = config.get(name.toLowerCase());
  if (value === undefined) return fallback;
  return /^(1|true|yes|with|on|enable)$/i.test(value);
}

/** Files of a `.d` directory that apt would read, sorted: those with the extension, or for `''` with none or `.conf`. */
export function listParts(directory: string, extension: string): string[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'EACCES', 'ENOTDIR')) return [];
    throw error;
  }
  const wanted = extension === '' ? /^[\w-]+(\.conf)?$/ : new RegExp(`^[\\w.-]+\\.${extension}$`);
  return names
    .filter(name => wanted.test(name))
    .sort()
    .map(name => join(directory, name));
}

export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'EACCES', 'ENOTDIR', 'EISDIR')) return undefined;
    throw error;
  }
}
