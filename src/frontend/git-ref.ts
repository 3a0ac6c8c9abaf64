import { posix } from 'node:path';
import { StagecraftError } from '../util/errors.ts';

/** A Git repository as ADD and contexts name it: `https://host/repo.git#ref:subdir` or with a query. */
export interface GitRef {
  /** As git takes it, without fragment and query. */
  remote: string;
  host: string;
  path: string;
  ssh: boolean;
  ref?: string;
  subdir?: string;
  /** The commit that `ref` must be. */
  checksum?: string;
  keepGitDir?: boolean;
  submodules?: boolean;
  mtime?: 'checkout' | 'commit';
  fetchByCommit?: boolean;
}

/**
 * The repository that the text names; nothing when it names something else, such as a path or a plain download.
 * Over HTTP only a path that ends in `.git` is a repository.
 * @throws StagecraftError `usage` when it is a repository with a wrong query
 */
export function parseGitRef(text: string): GitRef | undefined {
  const located = locate(text);
  if (located === undefined) return undefined;
  const { fragment, query, ...ref } = located;
  const [name = '', subdir = ''] = splitOnce(fragment, ':');
  const path = posix.join('/', subdir).slice(1);
  return withQuery({ ...ref, ...(name && { ref: name }), ...(path && { subdir: path }) }, query, text);
}

interface Located extends Pick<GitRef, 'remote' | 'host' | 'path' | 'ssh'> {
  fragment: string;
  query: URLSearchParams;
}

function locate(text: string): Located | undefined {
  const protocol = /^([a-zA-Z0-9]+):\/\//.exec(text)?.[1]?.toLowerCase();
  if (protocol === undefined) return locateScp(text);
  if (!/^(https?|ssh|git)$/.test(protocol)) return undefined;
  const [, remote = '', query = '', fragment = ''] = /^([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(text) ?? [];
  const [, authority = '', path = ''] = /^[a-zA-Z0-9]+:\/\/([^/]*)(.*)$/s.exec(remote) ?? [];
  if (/^https?$/.test(protocol) && !path.endsWith('.git')) return undefined;
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  return { remote, host, path, ssh: protocol === 'ssh', fragment, query: new URLSearchParams(query) };
}

/** `user@host:path`. */
function locateScp(text: string): Located | undefined {
  const match = /^([a-zA-Z0-9_-]+)@([a-zA-Z0-9.-]+):(.*?)(?:\?(.*?))?(?:#(.*))?$/s.exec(text);
  if (match === null) return undefined;
  const [, user, host = '', path = '', query = '', fragment = ''] = match;
  return {
    remote: `${user}@${host}:${path}`,
    host,
    path,
    ssh: true,
    fragment,
    query: new URLSearchParams(query),
  };
}

function withQuery(base: GitRef, query: URLSearchParams, text: string): GitRef {
  const wrong = (what: string) =>
    new StagecraftError('usage', `The Git repository "${text}" cannot be used: ${what}.`);
  let git: GitRef = base;
  const agree = (field: 'ref' | 'subdir', value: string) => {
    if (git[field] !== undefined && git[field] !== value) {
      throw wrong(`it names two values for ${field}, "${git[field]}" and "${value}"`);
    }
    git = { ...git, [field]: value };
  };
  const flag = (key: string, value: string) => {
    if (/^(|1|t|true)$/i.test(value)) return true;
    if (/^(0|f|false)$/i.test(value)) return false;
    throw wrong(`${key} is true or false, not "${value}"`);
  };
  if (query.has('tag') && query.has('branch')) throw wrong('it names both a tag and a branch');
  for (const key of new Set(query.keys())) {
    const [value = '', ...more] = query.getAll(key);
    if (more.length > 0) throw wrong(`it has several values for ${key}`);
    if (value === '' && !/^(submodules|keep-git-dir|fetch-by-commit)$/.test(key)) {
      throw wrong(`${key} has no value`);
    }
    if (key === 'ref') agree('ref', value);
    else if (key === 'tag') agree('ref', value.startsWith('refs/tags/') ? value : `refs/tags/${value}`);
    else if (key === 'branch') agree('ref', value.startsWith('refs/heads/') ? value : `refs/heads/${value}`);
    else if (key === 'subdir') agree('subdir', value);
    else if (key === 'checksum' || key === 'commit') git = { ...git, checksum: value };
    else if (key === 'keep-git-dir') git = { ...git, keepGitDir: flag(key, value) };
    else if (key === 'submodules') git = { ...git, submodules: flag(key, value) };
    else if (key === 'fetch-by-commit') git = { ...git, fetchByCommit: flag(key, value) };
    else if (key === 'mtime' && (value === 'checkout' || value === 'commit')) git = { ...git, mtime: value };
    else throw wrong(key === 'mtime' ? 'mtime is checkout or commit' : `it has the unknown option ${key}`);
  }
  return git;
}

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
