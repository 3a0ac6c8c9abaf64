/** A remote without what must not be told, and the user name and password that its address had. */
export interface Remote {
  /** For git's arguments, messages and the store. */
  readonly address: string;
  /** For `authorization`, where the address had a password. */
  readonly basic: string | undefined;
  /** With the port, if any. */
  readonly host: string;
  readonly kind: 'http' | 'ssh' | 'git';
}

/** The repository's address taken apart; nothing where it is of no kind that can be fetched. */
export function parseRemote(text: string): Remote | undefined {
  const scheme = /^(https?|ssh|git):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    const [, host] = /^[a-zA-Z0-9_-]+@([a-zA-Z0-9][a-zA-Z0-9.-]*):(?!\/\/)/.exec(text) ?? [];
    return host === undefined ? undefined : { address: text, basic: undefined, host, kind: 'ssh' };
  }
  const url = URL.parse(text);
  if (url === null || url.host === '') return undefined;
  if (scheme === 'ssh' || scheme === 'git') {
    url.password = '';
    return { address: url.href, basic: undefined, host: url.host, kind: scheme };
  }
  const { username, password, host } = url;
  url.username = '';
  url.password = '';
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { address: url.href, basic: username === '' ? undefined : base64(pair), host, kind: 'http' };
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
