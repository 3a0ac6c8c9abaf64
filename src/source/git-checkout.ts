import { lutimesSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ingestPath } from '../content/ingest.ts';
import { type ByteString, bytesFromText, fsPath } from '../util/bytes.ts';
import { Pace } from '../util/pace.ts';
import { type Git, GitFailure } from './git-command.ts';
import type { Remote } from './git-remote.ts';
import { keptAs } from './git-repository.ts';

export interface CheckoutRequest {
  /** The shared repository that has the commit. */
  readonly gitDir: string;
  /** A commit, or a tag that points to one. */
  readonly object: string;
  /** The full name of the ref that it was found under. */
  readonly name: string | undefined;
  readonly remote: Remote;
  readonly keepGitDir: boolean;
  readonly submodules: boolean;
  /** Gives all files the time of the commit; without it that of the checkout stays. */
  readonly commitTimes: boolean;
}

/** Writes the files of a commit into a new directory. @returns the time of the commit, seconds since the epoch */
export async function checkOut(
  root: string,
  git: Git,
  request: CheckoutRequest,
  directory: string,
  signal: AbortSignal,
): Promise<number> {
  const { object, keepGitDir, submodules, commitTimes, remote } = request;
  mkdirSync(directory);
  const gitDir = keepGitDir ? join(directory, '.git') : ingestPath(root, 'git');
  try {
    const tree = git.at({ cwd: directory, gitDir, workTree: directory });
    await tree.run('init', '--quiet', `--object-format=${object.length === 64 ? 'sha256' : 'sha1'}`);
    if (keepGitDir) await fetchInto(tree, request);
    // What is thrown away afterwards needs no objects of its own.
    else writeFileSync(join(gitDir, 'objects/info/alternates'), `${join(request.gitDir, 'objects')}\n`);
    await tree.run('config', 'remote.origin.url', remote.address);
    if (keepGitDir) await tree.run('checkout', '--quiet', '--detach', `${object}^{commit}`);
    else await tree.run('read-tree', '--reset', '-u', `${object}^{commit}`);
    if (submodules) await updateSubmodules(tree);
    // The shared repository knows where its history ends.
    const shared = git.at({ cwd: request.gitDir, gitDir: request.gitDir });
    const time = Number(await shared.run('show', '--no-patch', '--format=%ct', `${object}^{commit}`));
    if (keepGitDir) await forgetTheMachine(tree, gitDir, submodules);
    else await removeGitDirs(directory, signal);
    if (commitTimes) await setTimes(bytesFromText(directory), time, new Pace(signal));
    return time;
  } finally {
    if (!keepGitDir) rmSync(gitDir, { recursive: true, force: true });
  }
}

/** Gives a repository that is kept the commit and the name that it was found under, and nothing else. */
async function fetchInto(tree: Git, { gitDir, object, name }: CheckoutRequest): Promise<void> {
  const refspec = `${keptAs(object)}:${name ?? keptAs(object)}`;
  const from = `file://${gitDir}`;
  await tree.run(
    'fetch',
    '--quiet',
    '--no-tags',
    '--depth=1',
    '--update-head-ok',
    '--no-write-fetch-head',
    '--',
    from,
    refspec,
  );
  await tree.run('config', 'remote.origin.fetch', '+refs/heads/*:refs/remotes/origin/*');
}

/** With the last commit of each where its server gives that by itself, else with all of its history. */
async function updateSubmodules(tree: Git): Promise<void> {
  const update = ['submodule', '--quiet', 'update', '--init', '--recursive'];
  try {
    await tree.run(...update, '--depth=1');
  } catch (error) {
    if (
      !(error instanceof GitFailure) ||
      !/shallow|--depth|not our ref|unadvertised|did not contain/i.test(error.stderr)
    )
      throw error;
    await tree.run(...update);
  }
}

/** The index tells inode numbers and times of this machine's files; git learns anew what it misses there. */
async function forgetTheMachine(tree: Git, gitDir: string, submodules: boolean): Promise<void> {
  await tree.run('read-tree', 'HEAD');
  if (submodules) await tree.run('submodule', '--quiet', 'foreach', '--recursive', 'git read-tree HEAD');
  for (const name of ['FETCH_HEAD', 'ORIG_HEAD']) rmSync(join(gitDir, name), { force: true });
}

/** What submodules leave: links to repositories that are gone. No commit has a file of this name. */
async function removeGitDirs(directory: string, signal: AbortSignal): Promise<void> {
  await walk(bytesFromText(directory), new Pace(signal), path => {
    if (path.endsWith('/.git')) rmSync(fsPath(path), { recursive: true, force: true });
  });
}

async function setTimes(directory: ByteString, time: number, pace: Pace): Promise<void> {
  await walk(directory, pace, path => lutimesSync(fsPath(path), time, time));
  lutimesSync(fsPath(directory), time, time);
}

/** Visits all below a directory, what is in one before it itself. */
async function walk(directory: ByteString, pace: Pace, visit: (path: ByteString) => void): Promise<void> {
  for (const entry of readdirSync(fsPath(directory), { withFileTypes: true, encoding: 'latin1' })) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory()) await walk(path, pace, visit);
    if (pace.due) await pace.rest();
    visit(path);
  }
}
