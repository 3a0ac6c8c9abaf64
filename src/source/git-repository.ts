import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ingestPath } from '../content/ingest.ts';
import { acquireLock } from '../store/locks.ts';
import type { Store } from '../store/store.ts';
import { digestHex, digestOf } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { type Git, GitFailure } from './git-command.ts';
import type { Remote } from './git-remote.ts';
import type { ResolvedRef } from './git-types.ts';
import { placeIn, usePlace } from './remote.ts';

/**
 * The repository of the store that all builds share for a remote, with the commit in it: fetched alone, without its
 * history, where the server allows.
 * @returns its directory
 * @throws StagecraftError `not-found` when the remote has no such commit
 */
export async function fetchCommit(
  store: Store,
  git: Git,
  remote: Remote,
  ref: ResolvedRef,
  signal: AbortSignal,
): Promise<string> {
  const lock = await acquireLock(store, `repository ${remote.address}`, signal);
  try {
    const gitDir = await openRepository(store, git, remote, ref.object);
    const repository = git.at({ cwd: gitDir, gitDir });
    if (!(await hasCommit(repository, keptAs(ref.object))))
      if (!(await keep(repository, ref.object)))
        // It may be there already, under the name of a tag.
        await new Fetch(repository, gitDir, remote, ref).run();
    return gitDir;
  } finally {
    lock.release();
  }
}

/** The name that keeps an object in a shared repository. */
export function keptAs(object: string): string {
  return `refs/stagecraft/${object}`;
}

async function openRepository(store: Store, git: Git, { address }: Remote, object: string): Promise<string> {
  const format = object.length === 64 ? 'sha256' : 'sha1';
  const gitDir = placeIn(store, 'repositories', digestHex(digestOf(`${format} ${address}`)).slice(0, 24));
  if (!usePlace(store, gitDir)) {
    const draft = ingestPath(store.root, 'repository');
    try {
      await git
        .at({ cwd: store.path('ingest') })
        .run('init', '--quiet', '--bare', `--object-format=${format}`, draft);
      renameSync(draft, gitDir);
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  }
  // Whoever held these before is dead, or would hold the lock.
  for (const name of ['shallow.lock', 'packed-refs.lock', 'config.lock'])
    rmSync(join(gitDir, name), { force: true });
  return gitDir;
}

function hasCommit(repository: Git, name: string): Promise<boolean> {
  return repository.succeeds('cat-file', '-e', `${name}^{commit}`);
}

/** Names a commit, so that it stays and can be fetched from here; false where it is not there. */
async function keep(repository: Git, object: string): Promise<boolean> {
  if (!(await hasCommit(repository, object))) return false;
  await repository.run('update-ref', keptAs(object), object);
  return true;
}

/** The ways to get one commit, the cheapest first. */
class Fetch {
  readonly #git: Git;
  readonly #gitDir: string;
  readonly #remote: Remote;
  readonly #ref: ResolvedRef;

  constructor(git: Git, gitDir: string, remote: Remote, ref: ResolvedRef) {
    this.#git = git;
    this.#gitDir = gitDir;
    this.#remote = remote;
    this.#ref = ref;
  }

  async run(): Promise<void> {
    const { object, name } = this.#ref;
    if (await this.#alone(`${object}:${keptAs(object)}`)) return;
    // A server that gives only what it advertises: the ref may still be what it was a moment ago.
    if (
      name !== undefined &&
      (await this.#alone(`+${name}:${keptAs(object)}`)) &&
      (await keep(this.#git, object))
    )
      return;
    await this.#everything();
    if (await keep(this.#git, object)) return;
    throw new StagecraftError(
      'not-found',
      `The repository ${this.#remote.address} has no commit ${object}.`,
      {
        hint: 'It may have been removed, or be one of a fork.',
      },
    );
  }

  /** One commit without its history; false when the server does not give it by itself. */
  async #alone(refspec: string): Promise<boolean> {
    try {
      await this.#fetch('--no-tags', '--depth=1', '--', this.#remote.address, refspec);
      return true;
    } catch (error) {
      if (!(error instanceof GitFailure)) throw error;
      if (isShallowRefused(error)) return false;
      if (
        /not our ref|unadvertised object|couldn't find remote ref|no such remote ref|bad object/i.test(
          error.stderr,
        )
      )
        return false;
      throw error;
    }
  }

  /** All branches and tags with all their history. */
  async #everything(): Promise<void> {
    const isShallow = existsSync(join(this.#gitDir, 'shallow'));
    await this.#fetch(
      ...['--force', '--tags', ...(isShallow ? ['--unshallow'] : [])],
      ...['--', this.#remote.address, '+refs/heads/*:refs/all/*'],
    );
  }

  #fetch(...args: readonly string[]): Promise<string> {
    return this.#git.run(
      ...['fetch', '--progress', '--no-write-fetch-head', '--no-recurse-submodules'],
      ...args,
    );
  }
}

/** Servers of plain files have no shallow histories. */
function isShallowRefused({ stderr }: GitFailure): boolean {
  return /shallow|--depth/.test(stderr);
}
