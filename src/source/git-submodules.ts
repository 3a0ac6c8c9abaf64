import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Store } from '../store/store.ts';
import { StagecraftError } from '../util/errors.ts';
import { type Git, GitFailure } from './git-command.ts';
import { explainGit } from './git-failures.ts';
import { type StoredCommit, writeFiles } from './git-files.ts';
import { parseRemote, type Remote } from './git-remote.ts';
import { fetchCommit } from './git-repository.ts';

interface Submodule {
  readonly path: string;
  readonly commit: string;
  readonly remote: Remote;
}

/** Fetches the submodules of a commit, and those of these, and writes their files to their places (gitmodules(5)). */
export async function checkOutSubmodules(
  store: Store,
  git: Git,
  parent: StoredCommit,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  for (const { path, commit, remote } of await listSubmodules(git, parent)) {
    const place = placeOf(directory, path, parent.remote);
    try {
      const ref = { object: commit, commit, name: undefined };
      const gitDir = await fetchCommit(store, git, remote, ref, signal);
      const child = { gitDir, remote, object: commit };
      await writeFiles(store, git, child, place);
      await checkOutSubmodules(store, git, child, place, signal);
    } catch (error) {
      throw explainGit(error, remote);
    }
  }
}

async function listSubmodules(git: Git, { gitDir, object, remote }: StoredCommit): Promise<Submodule[]> {
  const repository = git.at({ cwd: gitDir, gitDir });
  const tree = await repository.run('ls-tree', '-r', '-z', '--full-tree', `${object}^{commit}`);
  const links = [...tree.matchAll(/(?:^|\0)160000 commit ([0-9a-f]+)\t([^\0]+)/g)];
  if (links.length === 0) return [];
  const settings = await readSettings(repository, object);
  return links.flatMap(([, commit = '', path = '']) => {
    const [name] = [...settings].find(([, setting]) => setting.get('path') === path) ?? [];
    const setting = name === undefined ? undefined : settings.get(name);
    if (setting?.get('update') === 'none') return [];
    return [{ path, commit, remote: remoteOf(setting?.get('url'), path, remote) }];
  });
}

/** What `.gitmodules` says, by the name of the submodule. */
async function readSettings(repository: Git, object: string): Promise<Map<string, Map<string, string>>> {
  const settings = new Map<string, Map<string, string>>();
  let text: string;
  try {
    text = await repository.run('config', '-z', '--blob', `${object}^{commit}:.gitmodules`, '--list');
  } catch (error) {
    if (error instanceof GitFailure) return settings;
    throw error;
  }
  for (const [, name = '', key = '', value = ''] of text.matchAll(
    /submodule\.([^\n\0]+)\.(\w+)\n([^\0]*)\0/g,
  ))
    settings.set(name, (settings.get(name) ?? new Map()).set(key, value));
  return settings;
}

function remoteOf(url: string | undefined, path: string, parent: Remote): Remote {
  const what = `The submodule ${path} of the repository ${parent.address}`;
  if (url === undefined)
    throw new StagecraftError('not-found', `${what} has no address in .gitmodules.`, {
      hint: 'Leave submodules out with ?submodules=false.',
    });
  const remote = parseRemote(resolveAddress(parent.address, url));
  if (remote !== undefined) return remote;
  throw new StagecraftError('confined', `${what} is at "${url}", which is not read.`, {
    hint: 'Repositories are read over http, https, ssh and git only.',
  });
}

/** An address that starts with `./` or `../` is relative to that of the repository (git-submodule(1)). */
export function resolveAddress(base: string, address: string): string {
  if (!/^\.\.?\//.test(address)) return address;
  let place = base.replace(/\/+$/, '');
  let rest = address;
  let separator = '/';
  for (let step = /^\.\.?\//.exec(rest); step !== null; step = /^\.\.?\//.exec(rest)) {
    rest = rest.slice(step[0].length);
    if (step[0] === './') continue;
    const cut = Math.max(place.lastIndexOf('/'), place.lastIndexOf(':'));
    separator = place.charAt(cut) || '/';
    place = place.slice(0, Math.max(cut, 0));
  }
  return `${place}${separator}${rest.replace(/\/+$/, '')}`;
}

/** The directory that the checkout made for a submodule; nothing leads there but directories. */
function placeOf(directory: string, path: string, { address }: Remote): string {
  let place = directory;
  for (const part of path.split('/')) {
    place = join(place, part);
    if (part === '..' || part === '' || !lstatSync(place, { throwIfNoEntry: false })?.isDirectory())
      throw new StagecraftError(
        'confined',
        `The submodule ${path} of ${address} would leave its repository.`,
      );
  }
  return place;
}
