import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Git, GitFailure } from './git-command.ts';
import type { StoredCommit } from './git-files.ts';
import { keptAs } from './git-repository.ts';

export interface KeptCommit extends StoredCommit {
  /** The full name of the ref that it was found under. */
  readonly name: string | undefined;
  readonly submodules: boolean;
}

/**
 * Writes the files of a commit with a repository of their own, `.git`: that commit without its history, checked out
 * as such, under the name that it was found under, and its submodules' repositories.
 */
export async function keepRepository(git: Git, request: KeptCommit, directory: string): Promise<void> {
  const { gitDir: shared, object, name, remote, submodules } = request;
  const gitDir = join(directory, '.git');
  const tree = git.at({ cwd: directory, gitDir, workTree: directory });
  await tree.run('init', '--quiet', `--object-format=${object.length === 64 ? 'sha256' : 'sha1'}`);
  await tree.run(
    ...['fetch', '--quiet', '--no-tags', '--depth=1', '--update-head-ok', '--no-write-fetch-head'],
    ...['--', `file://${shared}`, `${keptAs(object)}:${name ?? keptAs(object)}`],
  );
  await tree.run('config', 'remote.origin.url', remote.address);
  await tree.run('config', 'remote.origin.fetch', '+refs/heads/*:refs/remotes/origin/*');
  await tree.run('checkout', '--quiet', '--detach', `${object}^{commit}`);
  if (submodules) await updateSubmodules(tree);
  // The index tells inode numbers and times of this machine's files; git learns anew what it misses there.
  await tree.run('read-tree', 'HEAD');
  if (submodules) await tree.run('submodule', '--quiet', 'foreach', '--recursive', 'git read-tree HEAD');
  for (const file of ['FETCH_HEAD', 'ORIG_HEAD']) rmSync(join(gitDir, file), { force: true });
}

/** With the last commit of each where its server gives that by itself, else with all of its history. */
async function updateSubmodules(tree: Git): Promise<void> {
  const update = ['submodule', '--quiet', 'update', '--init', '--recursive'];
  try {
    await tree.run(...update, '--depth=1');
  } catch (error) {
    const isRefused =
      error instanceof GitFailure &&
      /shallow|--depth|not our ref|unadvertised|did not contain/i.test(error.stderr);
    if (!isRefused) throw error;
    await tree.run(...update);
  }
}
