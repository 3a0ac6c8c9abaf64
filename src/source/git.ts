import { lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ingestPath } from '../content/ingest.ts';
import { acquireLock } from '../store/locks.ts';
import { digestHex, digestOf } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { withAccess } from './git-access.ts';
import { checkOut } from './git-checkout.ts';
import { Git } from './git-command.ts';
import { explainGit } from './git-failures.ts';
import { parseRemote, type Remote } from './git-remote.ts';
import { fetchCommit } from './git-repository.ts';
import { checkSum, resolveOffline, resolveRef } from './git-resolve.ts';
import type { GitSource, ResolvedRef } from './git-types.ts';
import { requireGit } from './git-version.ts';
import { placeIn, type RemoteProgress, type RemoteServices, usePlace } from './remote.ts';

/** A source and what its ref is now. */
export interface ResolvedGit extends ResolvedRef {
  readonly source: GitSource;
  readonly remote: Remote;
}

/** The files of a commit on disk. */
export interface Checkout {
  /** Absolute. Only read it: it is shared. A symlink in it may lead anywhere. */
  readonly directory: string;
  /** Of the commit, seconds since the epoch. */
  readonly commitTime: number;
}

/**
 * Finds what a source's ref is; asks the remote where a full hash does not say.
 * @throws StagecraftError `usage`, `not-found`, `integrity`, `io`
 */
export async function resolveGit(
  services: RemoteServices,
  source: GitSource,
  progress: RemoteProgress,
): Promise<ResolvedGit> {
  const remote = remoteOf(source);
  const ref =
    resolveOffline(source) ?? (await once(services, source, () => ask(services, source, remote, progress)));
  checkSum(source, ref);
  return { ...ref, source, remote };
}

/** What the files of a resolved source depend on, for a cache key. A ref's name matters only where git keeps it. */
export function identityOf({ source, object, commit, name }: ResolvedGit): {
  commit: string;
  parts: Record<string, string | boolean>;
} {
  const keepGitDir = keepsGitDir(source);
  const subdir = cleanSubdir(source);
  return {
    commit: keepGitDir ? object : (commit ?? object),
    parts: {
      ...(keepGitDir && { git: name ?? '' }),
      ...(subdir !== '' && { subdir }),
      ...(source.skipSubmodules && { submodules: false }),
      ...(source.mtime === 'checkout' && { mtime: 'checkout' }),
    },
  };
}

/**
 * The files of a resolved source: as an earlier build checked them out, or fetched and checked out now.
 * @throws StagecraftError `not-found` when the remote has no such commit, or the commit no such directory
 */
export async function checkOutGit(
  services: RemoteServices,
  resolved: ResolvedGit,
  progress: RemoteProgress,
): Promise<Checkout> {
  const { store } = services;
  const place = placeIn(store, 'checkouts', checkoutName(resolved));
  const found = (): Checkout | undefined =>
    usePlace(store, place) ? openCheckout(place, resolved) : undefined;
  const known = found();
  if (known !== undefined) return known;
  const lock = await acquireLock(store, `checkout ${place}`, progress.signal);
  try {
    return found() ?? (await make(services, resolved, place, progress));
  } finally {
    lock.release();
  }
}

function remoteOf({ remote }: GitSource): Remote {
  const parsed = parseRemote(remote);
  if (parsed !== undefined) return parsed;
  throw new StagecraftError('usage', `"${remote}" is not the address of a Git repository.`, {
    hint: 'It is written https://host/path.git, ssh://user@host/path, git://host/path or user@host:path.',
  });
}

/** Answers of this build, by build and question: a ref is the same commit throughout. */
const answers = new WeakMap<RemoteServices, Map<string, Promise<ResolvedRef>>>();

function once(
  services: RemoteServices,
  { remote, ref = '' }: GitSource,
  body: () => Promise<ResolvedRef>,
): Promise<ResolvedRef> {
  const known = answers.get(services) ?? new Map<string, Promise<ResolvedRef>>();
  answers.set(services, known);
  const question = `${remote} ${ref}`;
  const answer = known.get(question) ?? body();
  known.set(question, answer);
  return answer;
}

function ask(
  services: RemoteServices,
  source: GitSource,
  remote: Remote,
  progress: RemoteProgress,
): Promise<ResolvedRef> {
  return withGit(services, source, remote, progress, git =>
    resolveRef(git, { ...source, checksum: '' }, remote),
  );
}

/** Runs the body with a git that can reach the remote, and says what went wrong there. */
function withGit<T>(
  services: RemoteServices,
  source: GitSource,
  remote: Remote,
  { signal, status }: RemoteProgress,
  body: (git: Git) => Promise<T>,
): Promise<T> {
  return withAccess(services, source, remote, async access => {
    const git = new Git(services.env, { cwd: services.store.path('ingest') }, access, signal, status);
    try {
      await requireGit(git, services.env.PATH);
      return await body(git);
    } catch (error) {
      throw explainGit(error, remote);
    }
  });
}

function keepsGitDir(source: GitSource): boolean {
  return source.keepGitDir === true && cleanSubdir(source) === '';
}

function cleanSubdir({ subdir = '' }: GitSource): string {
  return subdir
    .split('/')
    .filter(part => part !== '' && part !== '.')
    .join('/');
}

/** Directories of one commit share a checkout. */
function checkoutName({ source, remote, object, name }: ResolvedGit): string {
  const git = keepsGitDir(source) ? [remote.address, name ?? ''] : [];
  const parts = [object, source.skipSubmodules === true, source.mtime === 'checkout', git];
  return digestHex(digestOf(JSON.stringify(parts))).slice(0, 24);
}

async function make(
  services: RemoteServices,
  resolved: ResolvedGit,
  place: string,
  progress: RemoteProgress,
): Promise<Checkout> {
  const { source, remote, object, name } = resolved;
  const { store } = services;
  const draft = ingestPath(store.root, 'checkout');
  try {
    await withGit(services, source, remote, progress, async git => {
      const gitDir = await fetchCommit(store, git, remote, resolved, progress.signal);
      mkdirSync(draft);
      const request = {
        ...{ gitDir, object, name, remote, keepGitDir: keepsGitDir(source) },
        submodules: source.skipSubmodules !== true,
        commitTimes: source.mtime !== 'checkout',
      };
      const time = await checkOut(store, git, request, join(draft, 'fs'), progress.signal);
      writeFileSync(join(draft, 'time'), String(time));
    });
    renameSync(draft, place);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return openCheckout(place, resolved);
}

function openCheckout(place: string, { source, remote, object }: ResolvedGit): Checkout {
  let directory = join(place, 'fs');
  for (const part of cleanSubdir(source).split('/').filter(Boolean)) {
    directory = join(directory, part);
    const isDirectory = part !== '..' && lstatSync(directory, { throwIfNoEntry: false })?.isDirectory();
    if (!isDirectory)
      throw new StagecraftError(
        'not-found',
        `The commit ${object} of ${remote.address} has no directory ${source.subdir}.`,
        { hint: 'A symlink in its path does not count.' },
      );
  }
  return { directory, commitTime: Number(readFileSync(join(place, 'time'), 'utf8')) };
}
