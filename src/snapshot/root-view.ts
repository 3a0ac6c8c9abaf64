import type { ByteString } from '../util/bytes.ts';
import { LayerListings } from './listing.ts';
import { type Directory, join, MergedTree, sortNames } from './tree.ts';
import type { EntryType, RootFsTree } from './types.ts';

/** What one name stands for in the stacked layers. */
interface ViewNode {
  readonly type: EntryType;
  /** Indexes of the layers that have it, topmost first; more than one only for a directory. */
  readonly layers: number[];
  /** True once something below ended the merge of a directory. */
  closed: boolean;
  directory: ViewDirectory | undefined;
}

export interface ViewDirectory extends Directory {
  /** Indexes of the layers that have a part in it, topmost first. */
  readonly layers: readonly number[];
  children: Map<ByteString, ViewNode | undefined> | undefined;
  sorted: ByteString[] | undefined;
}

/**
 * The files of stacked layers as an overlay mount would show them, without mounting. Layers never change, so what was
 * read once is kept: the names of a directory come with its first use, entries are read from disk each time.
 */
export class RootView extends MergedTree<ViewDirectory, ViewNode> implements RootFsTree {
  readonly root: ViewDirectory;
  readonly #layers: readonly LayerListings[];

  /** `layers`: directories of the layers, base first, or what was read of them already. */
  constructor(layers: readonly (string | LayerListings)[]) {
    super();
    this.#layers = layers.map(each => (typeof each === 'string' ? new LayerListings(each) : each));
    const topmostFirst = layers.map((_, index) => index).reverse();
    this.root = { path: '', layers: topmostFirst, children: undefined, sorted: undefined };
  }

  under(dir: string): RootView {
    return new RootView([...this.#layers, dir]);
  }

  child(directory: ViewDirectory, name: ByteString): ViewNode | undefined {
    return this.#load(directory).get(name);
  }

  enter(directory: ViewDirectory, name: ByteString, node: ViewNode): ViewDirectory {
    node.directory ??= {
      path: join(directory.path, name),
      layers: this.#untilOpaque(node.layers, join(directory.path, name)),
      children: undefined,
      sorted: undefined,
    };
    return node.directory;
  }

  names(directory: ViewDirectory): ByteString[] {
    directory.sorted ??= sortNames([...this.#load(directory).keys()]);
    return directory.sorted;
  }

  onDisk(directory: ViewDirectory, name: ByteString, node: ViewNode): ByteString {
    return `${this.#layers[node.layers[0]!]!.dir}${directory.path}/${name}`;
  }

  rootOnDisk(): ByteString | undefined {
    return this.#layers.at(-1)?.dir;
  }

  immutablePath(path: ByteString): ByteString | undefined {
    return this.diskPath(path);
  }

  #untilOpaque(layers: readonly number[], path: ByteString): readonly number[] {
    for (let index = 0; index < layers.length - 1; index++)
      if (this.#layers[layers[index]!]!.isOpaque(path)) return layers.slice(0, index + 1);
    return layers;
  }

  #load(directory: ViewDirectory): Map<ByteString, ViewNode | undefined> {
    if (directory.children !== undefined) return directory.children;
    const children = new Map<ByteString, ViewNode | undefined>();
    const hidden: ByteString[] = [];
    for (const layer of directory.layers) {
      for (const [name, type] of this.#layers[layer]!.list(directory.path)) {
        const above = children.get(name);
        if (above !== undefined) {
          if (above.type !== 'directory' || above.closed) continue;
          if (type === 'directory') above.layers.push(layer);
          else above.closed = true;
        } else if (!children.has(name)) {
          if (type === 'whiteout') {
            children.set(name, undefined);
            hidden.push(name);
          } else children.set(name, { type, layers: [layer], closed: false, directory: undefined });
        }
      }
    }
    for (const name of hidden) children.delete(name);
    directory.children = children;
    return children;
  }
}
