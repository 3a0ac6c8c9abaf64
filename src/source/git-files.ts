import { rmSync } from 'node:fs';
import { ingestPath } from '../content/ingest.ts';
import type { Store } from '../store/store.ts';
import type { Git } from './git-command.ts';
import type { Remote } from './git-remote.ts';

/** A commit, or a tag that points to one, in a repository that has it. */
export interface StoredCommit {
  /** The shared repository of the remote. */
  readonly gitDir: string;
  readonly remote: Remote;
  readonly object: string;
}

/** Writes the files of a commit without its submodules, for which there are directories, into an empty directory. */
export async function writeFiles(
  store: Store,
  git: Git,
  { gitDir, object }: StoredCommit,
  directory: string,
): Promise<void> {
  // Others may check out of the shared repository meanwhile.
  const index = ingestPath(store.root, 'index');
  try {
    const tree = git.at({ cwd: directory, gitDir, workTree: directory, index });
    await tree.run('read-tree', '--reset', '-u', `${object}^{commit}`);
  } finally {
    for (const file of [index, `${index}.lock`]) rmSync(file, { force: true });
  }
}
