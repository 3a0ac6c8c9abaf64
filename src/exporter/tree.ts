import type { Entry, FileTree } from '../snapshot/types.ts';
import { type ByteString, textFromBytes } from '../util/bytes.ts';
import { StagecraftError } from '../util/errors.ts';

/** A root file system to write, in a directory of its own where `prefix` names one: `linux_amd64`. */
export interface TreeToWrite {
  tree: FileTree;
  /** For messages. */
  platform?: string;
  prefix?: ByteString | undefined;
  /** Files to write into its top directory besides. */
  added?: readonly { readonly name: ByteString; readonly content: Buffer }[];
}

/**
 * Makes sure that trees which go into one directory have no file in common; directories they may.
 * @throws StagecraftError `usage` naming the first path that several have
 */
export function refuseOverlaps(trees: readonly TreeToWrite[]): void {
  if (trees.length < 2 || trees.some(({ prefix }) => prefix !== undefined)) return;
  const owners = new Map<ByteString, TreeToWrite>();
  for (const owner of trees)
    for (const { path, entry } of walkTree(owner.tree)) {
      const other = owners.get(path);
      if (other === undefined) owners.set(path, owner);
      else if (entry.type !== 'directory' || other.tree.lstat(path)?.type !== 'directory')
        throw new StagecraftError(
          'usage',
          `The file ${textFromBytes(path)} is in the results for ${other.platform} and ${owner.platform}, which cannot go into one directory.`,
          { hint: 'Leave out platform-split=false, or give the files names with TARGETARCH in them.' },
        );
    }
}

/** The time that a file gets where it is written, in nanoseconds: its own, unless there is one for all. */
export function fileTime({ mtimeNs }: Entry, epoch: number | undefined): bigint {
  return epoch === undefined ? mtimeNs : BigInt(epoch) * 1_000_000_000n;
}

/** One entry of a walk. */
export interface Visit {
  /** Within the tree, beginning with a slash. */
  path: ByteString;
  entry: Entry;
  /** The path of an earlier entry that is the same file. */
  linkOf?: ByteString;
}

/** All entries below the root, parents first, names in byte order; sockets are left out, which no image can hold. */
export function* walkTree(tree: FileTree, directory: ByteString = '/'): Generator<Visit> {
  yield* walk(tree, directory, new Map());
}

function* walk(tree: FileTree, directory: ByteString, links: Map<string, ByteString>): Generator<Visit> {
  for (const name of tree.list(directory)) {
    const path = directory === '/' ? `/${name}` : `${directory}/${name}`;
    const entry = tree.lstat(path);
    if (entry === undefined || entry.type === 'socket') continue;
    const linkOf = findLink(links, path, entry);
    yield { path, entry, ...(linkOf === undefined ? {} : { linkOf }) };
    if (entry.type === 'directory') yield* walk(tree, path, links);
  }
}

/** Names of one file within one tree: only for such that have several. */
function findLink(links: Map<string, ByteString>, path: ByteString, entry: Entry): ByteString | undefined {
  if (entry.nlink < 2 || entry.type === 'directory') return undefined;
  const identity = `${entry.dev}:${entry.ino}`;
  const first = links.get(identity);
  if (first === undefined) links.set(identity, path);
  return first;
}
