import { commitKey, downloadKey } from '../cache/keys.ts';
import type { ResolvedSource, SourceProgress } from '../solver/types.ts';
import type { GitSource } from '../source/git-types.ts';
import type { HttpSource } from '../source/http.ts';
import { LocalTree } from '../source/local.ts';
import type { RemoteServices } from '../source/remote.ts';
import type { DigestedTree } from '../source/types.ts';
import { isDigest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';

type Attributes = Readonly<Record<string, string>>;

/** What sources on the network work with, and where their trees go to be closed when the build ends. */
export interface RemoteSourceServices {
  readonly remote: RemoteServices;
  readonly opened: DigestedTree[];
  /** What was found under an address: a commit, or the digest of a file. */
  readonly pins: Map<string, string>;
}

/** A file on the web, `http://` or `https://`: a directory with that file. */
export async function httpSource(
  { remote, pins }: RemoteSourceServices,
  url: string,
  attrs: Attributes,
  progress: SourceProgress,
): Promise<ResolvedSource> {
  refuse(url, attrs, ['http.sig.']);
  const source = readHttpSource(url, attrs);
  const metadata = {
    mode: number(url, attrs, 'http.perm') || 0o600,
    uid: number(url, attrs, 'http.uid'),
    gid: number(url, attrs, 'http.gid'),
  };
  const { fetchHttp } = await import('../source/http.ts');
  const { downloadName } = await import('../source/http-name.ts');
  // What is known beforehand is fetched only when its files are needed.
  const known =
    source.checksum === undefined
      ? await fetchHttp(remote, source, progress)
      : { digest: source.checksum, filename: downloadName(url, source.filename, undefined) };
  pins.set(url, known.digest);
  return {
    key: downloadKey({ ...metadata, ...known }),
    origin: url,
    async sharedKeys() {
      const { httpText } = await import('../cache/buildkit/source.ts');
      const { headers, authHeaderSecret } = source;
      const perm = number(url, attrs, 'http.perm');
      return [httpText({ ...metadata, ...known, perm, headers, authHeaderSecret })];
    },
    async load(progress) {
      const { DownloadTree } = await import('../source/http-tree.ts');
      const download = await fetchHttp(remote, source, progress);
      return { tree: new DownloadTree({ ...download, filename: known.filename }, metadata) };
    },
  };
}

/** The files of a commit, `git://`. */
export async function gitSource(
  { remote, opened, pins }: RemoteSourceServices,
  identifier: string,
  attrs: Attributes,
  progress: SourceProgress,
): Promise<ResolvedSource> {
  refuse(identifier, attrs, ['git.sig.', 'git.bundle', 'git.checkoutbundle']);
  const source = readGitSource(identifier, attrs);
  const { checkOutGit, identityOf, resolveGit } = await import('../source/git.ts');
  const resolved = await resolveGit(remote, source, progress);
  const { commit, parts } = identityOf(resolved);
  pins.set(identifier, resolved.commit ?? resolved.object);
  return {
    key: commitKey(commit, parts),
    origin: identifier,
    async sharedKeys() {
      const { gitText } = await import('../cache/buildkit/source.ts');
      const { subdir = '', skipSubmodules = false, mtime } = source;
      const gitDir = typeof parts.git === 'string' ? { ref: parts.git } : undefined;
      return [gitText({ commit, gitDir, subdir, skipSubmodules, mtime })];
    },
    async load(progress) {
      const { directory } = await checkOutGit(remote, resolved, progress);
      const tree = new LocalTree(directory, { store: remote.store, kind: 'repository' });
      opened.push(tree);
      return { tree };
    },
  };
}

function readHttpSource(url: string, attrs: Attributes): HttpSource {
  const checksum = attrs['http.checksum'];
  if (checksum !== undefined && !isDigest(checksum))
    throw new StagecraftError(
      'usage',
      `The checksum "${checksum}" of ${url} is not sha256: and 64 hexadecimal digits.`,
    );
  // As in BuildKit no others are sent: they could tell what is no part of the key.
  const headers = ['accept', 'user-agent'].flatMap(name => {
    const key = Object.keys(attrs).find(each => each.toLowerCase() === `http.header.${name}`);
    return key === undefined ? [] : [[name, attrs[key]!] as const];
  });
  return {
    url,
    ...(checksum !== undefined && { checksum }),
    filename: attrs['http.filename'],
    headers: Object.fromEntries(headers),
    authHeaderSecret: attrs['http.authheadersecret'],
  };
}

function readGitSource(identifier: string, attrs: Attributes): GitSource {
  const [place = '', fragment = ''] = splitOnce(identifier.replace(/^git:\/\//, ''), '#');
  const [ref = '', subdir = ''] = splitOnce(fragment, ':');
  const full = attrs['git.fullurl'] ?? place;
  const isComplete = /^[a-z]+:\/\//i.test(full) || /^[a-zA-Z0-9_-]+@[a-zA-Z0-9.-]+:/.test(full);
  const is = (name: string): boolean => attrs[name] === 'true';
  const mtime = attrs['git.mtime'];
  return {
    remote: isComplete ? full : `https://${full}`,
    ...(ref !== '' && { ref }),
    ...(subdir !== '' && { subdir }),
    checksum: attrs['git.checksum'],
    keepGitDir: is('git.keepgitdir'),
    skipSubmodules: is('git.skipsubmodules'),
    fetchByCommit: is('git.fetchbycommit'),
    ...((mtime === 'checkout' || mtime === 'commit') && { mtime }),
    mountSshSock: attrs['git.mountsshsock'],
    knownSshHosts: attrs['git.knownsshhosts'],
    authTokenSecret: attrs['git.authtokensecret'],
    authHeaderSecret: attrs['git.authheadersecret'],
  };
}

/** What would have to be verified, or made otherwise, is not passed over. */
function refuse(identifier: string, attrs: Attributes, prefixes: readonly string[]): void {
  const name = Object.keys(attrs).find(each => prefixes.some(prefix => each.startsWith(prefix)));
  if (name !== undefined)
    throw new StagecraftError(
      'unsupported',
      `The source ${identifier} asks for ${name}, which is not done here.`,
    );
}

/** A number as Go reads it: `0` before octal digits. */
function number(url: string, attrs: Attributes, name: string): number {
  const text = attrs[name] ?? '0';
  const value = /^0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new StagecraftError('usage', `The attribute ${name} of ${url} is not a number: ${text}.`);
}

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}
