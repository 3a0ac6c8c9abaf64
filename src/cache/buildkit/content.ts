import type { DigestedTree } from '../../source/types.ts';
import { type ByteString, bytesFromText, textFromBytes } from '../../util/bytes.ts';
import { type Digest, digestOf, finishDigest, startDigest } from '../../util/digest.ts';
import { StagecraftError } from '../../util/errors.ts';
import type { Pace } from '../../util/pace.ts';
import type { Selector } from './description.ts';
import { entryDigest } from './entry.ts';
import { selectEntries } from './included.ts';
import { baseName, cleanPath } from './paths.ts';

// Digests of files by which BuildKit knows them: its cache/contenthash/checksum.go.

/**
 * The digest of the files that an operation reads of an input.
 * @param selectors all files where there are none
 * @throws StagecraftError `not-found`; `io` where a file changed meanwhile
 */
export async function contentDigest(
  tree: DigestedTree,
  selectors: readonly Selector[],
  pace: Pace,
): Promise<Digest> {
  const all: readonly Selector[] = selectors.length === 0 ? [{ path: '/' }] : selectors;
  const digests: Digest[] = [];
  for (const selector of all) digests.push(await checksum(tree, selector, pace));
  return digestOf(digests.join('\0'));
}

async function checksum(tree: DigestedTree, selector: Selector, pace: Pace): Promise<Digest> {
  const { wildcard = false, followLinks = false, includePatterns = [], excludePatterns = [] } = selector;
  const path = bytesFromText(cleanPath(selector.path));
  if (!wildcard && includePatterns.length === 0 && excludePatterns.length === 0)
    return pathDigest(tree, path, followLinks, pace);
  const { prefix, entries } = selectEntries(tree, { path, wildcard, includePatterns, excludePatterns });
  const digests: Digest[] = [];
  for (const { name, path, entry, isTop } of entries)
    digests.push(
      isTop && followLinks && entry.type === 'symlink'
        ? await pathDigest(tree, name, true, pace)
        : await entryDigest(tree, path, entry, pace),
    );
  if (entries.length === 0) return digestOf('');
  if (entries.length === 1 && baseName(path) === baseName(entries[0]!.name)) return digests[0]!;
  const running = startDigest();
  entries.forEach(({ name }, i) => {
    const relative = name.startsWith(prefix) ? name.slice(prefix.length) : name;
    running.update((relative.replaceAll('/', '\0') || '\0') + digests[i], 'latin1');
  });
  return finishDigest(running);
}

/** The digest of a file, or of a directory with all that is below it. */
async function pathDigest(
  tree: DigestedTree,
  path: ByteString,
  followLinks: boolean,
  pace: Pace,
): Promise<Digest> {
  const slash = path.lastIndexOf('/');
  const parent = tree.resolve(path.slice(0, slash) || '/');
  const place = followLinks ? tree.resolve(path) : path === '/' ? path : join(parent, path.slice(slash + 1));
  const entry = tree.lstat(place);
  if (entry === undefined) throw new StagecraftError('not-found', `${textFromBytes(path)} does not exist.`);
  return entry.type === 'directory'
    ? directoryDigest(tree, place, pace)
    : entryDigest(tree, place, entry, pace);
}

/** What was hashed of a tree, which several steps may read. */
const known = new WeakMap<DigestedTree, Map<ByteString, Promise<Digest>>>();

function directoryDigest(tree: DigestedTree, path: ByteString, pace: Pace): Promise<Digest> {
  let digests = known.get(tree);
  if (digests === undefined) {
    digests = new Map();
    known.set(tree, digests);
  }
  let digest = digests.get(path);
  if (digest === undefined) {
    digest = hashDirectory(tree, path, pace);
    digests.set(path, digest);
  }
  return digest;
}

/** Its own entry, under an empty name, then those in it by name; of directories among them the digest of all they hold. */
async function hashDirectory(tree: DigestedTree, path: ByteString, pace: Pace): Promise<Digest> {
  // A context's root is not sent, and so has no entry.
  const isUnsent = path === '/' && tree.kind === 'context';
  const own = isUnsent ? digestOf('') : await entryDigest(tree, path, tree.lstat(path)!, pace);
  const running = startDigest().update(`\0${own}`);
  for (const name of tree.list(path)) {
    const child = join(path, name);
    const entry = tree.lstat(child);
    if (entry === undefined) continue;
    const digest =
      entry.type === 'directory'
        ? await directoryDigest(tree, child, pace)
        : await entryDigest(tree, child, entry, pace);
    running.update(`\0${name}${digest}`, 'latin1');
  }
  return finishDigest(running);
}

function join(directory: ByteString, name: ByteString): ByteString {
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}
