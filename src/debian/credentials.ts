import { join } from 'node:path';
import { listParts, readIfThere } from './apt-config.ts';

/** One entry of apt_auth.conf(5). */
export interface Credential {
  /** `[scheme://]host[:port][/path]` as written. */
  readonly machine: string;
  readonly login: string;
  readonly password: string;
}

export function readCredentials(aptDir: string): Credential[] {
  const files = [...listParts(join(aptDir, 'auth.conf.d'), ''), join(aptDir, 'auth.conf')];
  return files.flatMap(file => parseCredentials(readIfThere(file) ?? ''));
}

/** The netrc form: words in pairs, a new entry at every `machine`. */
export function parseCredentials(text: string): Credential[] {
  const words = text
    .replace(/^\s*#.*$/gm, '')
    .split(/\s+/)
    .filter(Boolean);
  const entries: { machine: string; login: string; password: string }[] = [];
  for (let i = 0; i + 1 < words.length; i += 2) {
    const [key, value] = [words[i]!, words[i + 1]!];
    if (key === 'machine') entries.push({ machine: value, login: '', password: '' });
    else if (key === 'login') entries.at(-1)!.login = value;
    else if (key === 'password') entries.at(-1)!.password = value;
  }
  return entries;
}

/**
 * `user:password` for an address: its own, else that of the first entry which fits. An entry without a scheme is never
 * sent over plain HTTP (apt_auth.conf(5)).
 */
export function findCredential(url: URL, credentials: readonly Credential[]): string | undefined {
  if (url.username) return `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  const found = credentials.find(({ machine }) => {
    const match = /^(?:([a-z+]+):\/\/)?([^/:]+)(?::(\d+))?(\/.*)?$/.exec(machine);
    if (!match) return false;
    const [, scheme, host, port, path = '/'] = match;
    return (
      `${scheme ?? 'https'}:` === url.protocol &&
      host === url.hostname &&
      (port === undefined || port === url.port) &&
      url.pathname.startsWith(path)
    );
  });
  return found && `${found.login}:${found.password}`;
}
