import { type ByteString, bytesFromText } from '../util/bytes.ts';
import { type Listing, readListing } from './listing.ts';
import { isOpaque } from './overlay.ts';
import type { RootView, ViewDirectory } from './root-view.ts';
import { type Directory, join, MergedTree, sortNames } from './tree.ts';
import type { EntryType } from './types.ts';

/** A directory of the tree that a draft and what lies below it make together. */
export interface DraftDirectory extends Directory {
  readonly name: ByteString;
  /** The directory it lies in; itself for the root. */
  readonly parent: DraftDirectory;
  /** True once the draft has it on disk. */
  made: boolean;
  /** What the draft itself holds; read from disk with the first use where others had written it. */
  own: Listing | undefined;
  readonly directories: Map<ByteString, DraftDirectory>;
  /** What shows through from below; `unknown` until asked for. */
  below: ViewDirectory | undefined | 'unknown';
  /** The time to set in the end; nothing where it is to stay as it is. */
  mtimeNs: bigint | undefined;
}

export interface DraftNode {
  readonly type: EntryType;
  /** The place on disk, for an entry that shows through from below. */
  readonly below?: ByteString;
}

/** A draft layer on top of a root file system, read as one tree. */
export class DraftTree extends MergedTree<DraftDirectory, DraftNode> {
  readonly root: DraftDirectory;
  /** The draft's directory on disk. */
  protected readonly dir: ByteString;
  readonly #findBelow: () => RootView;
  #below: RootView | undefined;

  /** `below` is asked for when something needs to be known of what lies there. */
  constructor(dir: string, below: () => RootView) {
    super();
    this.dir = bytesFromText(dir);
    this.#findBelow = below;
    this.root = { ...directoryNode('', '', 'unknown'), made: true, parent: undefined as never };
    (this.root as { parent: DraftDirectory }).parent = this.root;
  }

  protected get below(): RootView {
    this.#below ??= this.#findBelow();
    return this.#below;
  }

  child(directory: DraftDirectory, name: ByteString): DraftNode | undefined {
    const own = this.own(directory, name);
    if (own === 'whiteout') return undefined;
    if (own !== undefined) return { type: own };
    const below = this.#directoryBelow(directory);
    const node = below && this.below.child(below, name);
    return node && { type: node.type, below: this.below.onDisk(below, name, node) };
  }

  enter(directory: DraftDirectory, name: ByteString): DraftDirectory {
    let entered = directory.directories.get(name);
    if (entered === undefined) {
      entered = {
        ...directoryNode(join(directory.path, name), name, 'unknown'),
        parent: directory,
        made: this.own(directory, name) === 'directory',
      };
      directory.directories.set(name, entered);
    }
    return entered;
  }

  names(directory: DraftDirectory): ByteString[] {
    const below = this.#directoryBelow(directory);
    const names = new Set(below && this.below.names(below));
    for (const [name, type] of this.ownEntries(directory)) {
      if (type === 'whiteout') names.delete(name);
      else names.add(name);
    }
    return sortNames([...names]);
  }

  onDisk(directory: DraftDirectory, name: ByteString, node: DraftNode): ByteString {
    return node.below ?? this.place(directory, name);
  }

  rootOnDisk(): ByteString {
    return this.dir;
  }

  immutablePath(path: ByteString): ByteString | undefined {
    const { node, rest } = this.locate(path, false);
    return rest.length > 0 ? undefined : node?.below;
  }

  /** Where the draft has, or would have, an entry. */
  place(directory: DraftDirectory, name: ByteString): ByteString {
    return `${this.dir}${directory.path}/${name}`;
  }

  /** What the draft itself has under a name. */
  own(directory: DraftDirectory, name: ByteString): EntryType | 'whiteout' | undefined {
    return directory.made ? this.ownEntries(directory).get(name) : undefined;
  }

  /** The type of what lies below under a name, whether the draft hides it or not. */
  typeBelow(directory: DraftDirectory, name: ByteString): EntryType | undefined {
    const below = this.#directoryBelow(directory);
    return below && this.below.child(below, name)?.type;
  }

  #directoryBelow(directory: DraftDirectory): ViewDirectory | undefined {
    if (directory.below !== 'unknown') return directory.below;
    if (directory === this.root) {
      directory.below = this.below.root;
      return directory.below;
    }
    const parent = this.#directoryBelow(directory.parent);
    const node = parent && this.below.child(parent, directory.name);
    const hidden = directory.made && isOpaque(`${this.dir}${directory.path}`);
    directory.below =
      node?.type === 'directory' && !hidden ? this.below.enter(parent!, directory.name, node) : undefined;
    return directory.below;
  }

  /** What the draft itself has in a directory; to be kept true by whoever writes. */
  protected ownEntries(directory: DraftDirectory): Listing {
    directory.own ??= directory.made ? readListing(`${this.dir}${directory.path}`) : new Map();
    return directory.own;
  }
}

function directoryNode(path: ByteString, name: ByteString, below: DraftDirectory['below']) {
  return { path, name, own: undefined, directories: new Map(), below, mtimeNs: undefined };
}
