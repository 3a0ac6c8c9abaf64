import { StagecraftError } from '../util/errors.ts';
import type { Git } from './git-command.ts';
import type { Remote } from './git-remote.ts';
import type { GitSource, ResolvedRef } from './git-types.ts';

function isHash(text: string): boolean {
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
}

/**
 * What can be told of a ref without the remote.
 * @throws StagecraftError `usage` for a ref or checksum that cannot be one; `integrity` where they contradict each other
 */
export function resolveOffline(source: GitSource): ResolvedRef | undefined {
  const { ref = '', checksum = '', fetchByCommit = false } = source;
  if (ref.startsWith('-') || /[\s\p{Cc}:~^?*[\\]/u.test(ref))
    throw new StagecraftError('usage', `"${ref}" is not a name that a branch, tag or commit can have.`);
  if (!/^[0-9a-f]*$/i.test(checksum))
    throw new StagecraftError(
      'usage',
      `The checksum "${checksum}" of a repository is not that of a commit.`,
      {
        hint: 'Write the hash of the commit, or its first digits.',
      },
    );
  if (isHash(ref)) {
    const resolved = { object: ref, commit: undefined, name: undefined };
    checkSum(source, resolved);
    return resolved;
  }
  if (!fetchByCommit) return undefined;
  if (!isHash(checksum.toLowerCase()))
    throw new StagecraftError('usage', 'fetch-by-commit needs the full hash of the commit.', {
      hint: 'Add checksum=<40 hexadecimal digits> to the address.',
    });
  const name = ref === '' ? undefined : ref.startsWith('refs/') ? ref : `refs/heads/${ref}`;
  return { object: checksum.toLowerCase(), commit: undefined, name };
}

/**
 * Asks the remote for a ref, or for its default branch.
 * @throws StagecraftError `not-found` where it has no such ref; `integrity` when that is not what the checksum says
 */
export async function resolveRef(git: Git, source: GitSource, remote: Remote): Promise<ResolvedRef> {
  const { ref = '' } = source;
  const patterns = ref === '' ? ['HEAD'] : [ref, `${ref}^{}`];
  const listing = await git.run('ls-remote', '--symref', '--', remote.address, ...patterns);
  const resolved = ref === '' ? defaultBranch(listing) : findRef(listing, ref);
  if (resolved === undefined) throw absent(ref, remote);
  checkSum(source, resolved);
  return resolved;
}

function defaultBranch(listing: string): ResolvedRef | undefined {
  const object = /^([0-9a-f]+)\tHEAD$/m.exec(listing)?.[1];
  if (object === undefined || !isHash(object)) return undefined;
  return { object, commit: undefined, name: /^ref: (refs\/heads\/\S+)\tHEAD$/m.exec(listing)?.[1] };
}

/** A full name goes before a branch, and that before a tag, as in `git checkout`. */
function findRef(listing: string, ref: string): ResolvedRef | undefined {
  const refs = new Map(
    listing
      .split('\n')
      .map(line => line.split('\t'))
      .filter(([hash = '']) => isHash(hash))
      .map(([hash, name]) => [name as string, hash as string]),
  );
  const after = (prefix: string): string => prefix + ref.replace(new RegExp(`^${prefix}`), '');
  for (const name of [after('refs/'), after('refs/heads/'), after('refs/tags/')]) {
    const object = refs.get(name);
    if (object !== undefined) return { object, commit: refs.get(`${name}^{}`), name };
  }
  return undefined;
}

/** @throws StagecraftError `integrity` when neither the object nor the commit behind it begins with the checksum */
export function checkSum({ checksum = '', remote, ref }: GitSource, { object, commit }: ResolvedRef): void {
  const wanted = checksum.toLowerCase();
  if (object.startsWith(wanted) || commit?.startsWith(wanted)) return;
  const is = commit === undefined ? object : `${commit} (its tag ${object})`;
  throw new StagecraftError(
    'integrity',
    `${ref ?? 'The default branch'} of ${shown(remote)} is the commit ${is}, not ${checksum} as the checksum says.`,
    { hint: 'The repository changed. If you trust what it has now, change the checksum.' },
  );
}

function shown(remote: string): string {
  return remote.replace(/^([a-z]+:\/\/)[^/@]*@/i, '$1');
}

function absent(ref: string, { address }: Remote): StagecraftError {
  if (ref === '')
    return new StagecraftError('not-found', `The repository ${address} has no default branch: it is empty.`);
  const isShort = /^[0-9a-f]{4,63}$/.test(ref);
  return new StagecraftError('not-found', `The repository ${address} has no branch or tag ${ref}.`, {
    hint: isShort
      ? 'A commit is named by all its digits.'
      : 'Its names are those that `git ls-remote` shows; a commit is named by all its digits.',
  });
}
