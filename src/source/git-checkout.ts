import { lutimesSync, mkdirSync, readdirSync } from 'node:fs';
import type { Store } from '../store/store.ts';
import { type ByteString, bytesFromText, fsPath } from '../util/bytes.ts';
import { Pace } from '../util/pace.ts';
import type { Git } from './git-command.ts';
import { writeFiles } from './git-files.ts';
import { type KeptCommit, keepRepository } from './git-keep.ts';
import { checkOutSubmodules } from './git-submodules.ts';

export interface CheckoutRequest extends KeptCommit {
  readonly keepGitDir: boolean;
  /** Gives all files the time of the commit; without it that of the checkout stays. */
  readonly commitTimes: boolean;
}

/** Writes the files of a commit into a new directory. @returns the time of the commit, seconds since the epoch */
export async function checkOut(
  store: Store,
  git: Git,
  request: CheckoutRequest,
  directory: string,
  signal: AbortSignal,
): Promise<number> {
  const { gitDir, object, keepGitDir, submodules, commitTimes } = request;
  mkdirSync(directory);
  if (keepGitDir) {
    await keepRepository(git, request, directory);
  } else {
    await writeFiles(store, git, request, directory);
    if (submodules) await checkOutSubmodules(store, git, request, directory, signal);
  }
  const shared = git.at({ cwd: gitDir, gitDir });
  const time = Number(await shared.run('show', '--no-patch', '--format=%ct', `${object}^{commit}`));
  if (commitTimes) await setTimes(bytesFromText(directory), time, new Pace(signal));
  return time;
}

async function setTimes(directory: ByteString, time: number, pace: Pace): Promise<void> {
  for (const entry of readdirSync(fsPath(directory), { withFileTypes: true, encoding: 'latin1' })) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory()) await setTimes(path, time, pace);
    else lutimesSync(fsPath(path), time, time);
    if (pace.due) await pace.rest();
  }
  lutimesSync(fsPath(directory), time, time);
}
