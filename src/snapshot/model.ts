import { StagecraftError } from '../util/errors.ts';
import { fc } from '../util/property.ts';
import { ownership } from './ownership.ts';
import type { LayerWriter, Metadata } from './types.ts';

/** A change to a tree, to be done by a layer writer and by the model. For tests. */
export type Change =
  | { do: 'directory' | 'directories' | 'file' | 'fifo'; path: string; metadata: Metadata; text: string }
  | { do: 'symlink' | 'link'; path: string; target: string; metadata: Metadata }
  | { do: 'metadata'; path: string; metadata: Metadata }
  | { do: 'remove'; path: string };

interface Node {
  type: 'directory' | 'file' | 'symlink' | 'fifo';
  metadata: Metadata;
  text: string;
  children: Map<string, Node>;
  layer: number;
}

const second = 1_000_000_000n;

/** A file tree in memory that means what an image's tree means, written without any thought of layers. */
export class Model {
  #layer = 0;
  #root: Node = this.#node('directory', { mode: 0o755, uid: 0, gid: 0, mtimeNs: 0n }, '');

  /** From now on changes go to the next layer: hard links with what is below break when changed. */
  nextLayer(): void {
    this.#layer++;
  }

  /** Does a change; false where it cannot be done. */
  apply(change: Change): boolean {
    if (change.do === 'directories') return this.#makeDirectories(change.path, change.metadata);
    if (change.path === '/') {
      if (change.do !== 'metadata' && change.do !== 'directory') return false;
      this.#root = { ...this.#root, metadata: change.metadata };
      return true;
    }
    const slash = change.path.lastIndexOf('/');
    const parent = this.#find(change.path.slice(0, slash));
    const name = change.path.slice(slash + 1);
    if (parent?.type !== 'directory') return false;
    const existing = parent.children.get(name);
    switch (change.do) {
      case 'remove':
        return parent.children.delete(name);
      case 'metadata':
        if (existing === undefined) return false;
        this.#own(parent, name).metadata = change.metadata;
        return true;
      case 'directory':
        if (existing?.type === 'directory') existing.metadata = change.metadata;
        else parent.children.set(name, this.#node('directory', change.metadata, ''));
        return true;
      case 'file':
      case 'fifo':
        parent.children.set(name, this.#node(change.do, change.metadata, change.text));
        return true;
      case 'symlink':
        parent.children.set(name, this.#node('symlink', change.metadata, change.target));
        return true;
      case 'link':
        return this.#link(parent, name, change.target);
    }
  }

  describe(): string[] {
    const lines: string[] = [];
    const visit = (path: string, node: Node): void => {
      const { mode, uid, gid, mtimeNs, xattrs } = node.metadata;
      const isLink = node.type === 'symlink';
      // With one id only the owners of links and pipes cannot be kept.
      const isOwned = ownership().kind !== 'single' || node.type === 'file' || node.type === 'directory';
      const owner = isOwned ? `${uid}:${gid}` : '0:0';
      const parts = [path, node.type, isLink ? node.text : mode.toString(8), owner];
      if (path !== '/') parts.push(String(mtimeNs / second));
      if (node.type === 'file') parts.push(JSON.stringify(node.text));
      if (node.type === 'file' || node.type === 'directory')
        for (const [key, value] of xattrs ?? []) parts.push(`${key}=${Buffer.from(value).toString('hex')}`);
      lines.push(parts.join(' '));
      const names = [...node.children.keys()].sort((a, b) => (a < b ? -1 : 1));
      for (const name of names)
        visit(path === '/' ? `/${name}` : `${path}/${name}`, node.children.get(name)!);
    };
    visit('/', this.#root);
    return lines;
  }

  #node(type: Node['type'], metadata: Metadata, text: string): Node {
    return { type, metadata, text, children: new Map(), layer: this.#layer };
  }

  /** The node under a name, apart from what is below. */
  #own(parent: Node, name: string): Node {
    const node = parent.children.get(name)!;
    if (node.layer === this.#layer || node.type === 'directory') return node;
    const copy = { ...node, layer: this.#layer };
    parent.children.set(name, copy);
    return copy;
  }

  #link(parent: Node, name: string, target: string): boolean {
    const slash = target.lastIndexOf('/');
    const from = this.#find(target.slice(0, slash));
    const source = from?.type === 'directory' ? from.children.get(target.slice(slash + 1)) : undefined;
    if (source === undefined || source.type === 'directory') return false;
    if (holds(parent.children.get(name), from!)) return false;
    parent.children.set(name, this.#own(from!, target.slice(slash + 1)));
    return true;
  }

  #makeDirectories(path: string, metadata: Metadata): boolean {
    const resolved = this.#resolve(path);
    if (resolved === undefined) return false;
    let node = this.#root;
    for (const name of resolved.split('/').slice(1)) {
      let next = node.children.get(name);
      if (next === undefined) {
        next = this.#node('directory', metadata, '');
        node.children.set(name, next);
      }
      if (next.type !== 'directory') return false;
      node = next;
    }
    return true;
  }

  #find(path: string): Node | undefined {
    const resolved = this.#resolve(path, true);
    if (resolved === undefined) return undefined;
    let node: Node | undefined = this.#root;
    for (const name of resolved.split('/').slice(1)) node = node?.children.get(name);
    return node;
  }

  /** The path without symlinks, empty for the root; nothing for a loop, and if `strict` for `..` out of nowhere. */
  #resolve(path: string, strict = false): string | undefined {
    const pending = path.split('/');
    const done: string[] = [];
    let missing = false;
    for (let links = 0; pending.length > 0; ) {
      const part = pending.shift()!;
      if (part === '' || part === '.') continue;
      if (part === '..') {
        if (missing && strict) return undefined;
        done.pop();
        continue;
      }
      let node: Node | undefined = this.#root;
      for (const name of done) node = node?.children.get(name);
      const next: Node | undefined = missing ? undefined : node?.children.get(part);
      if (next?.type === 'symlink') {
        if (++links > 40) return undefined;
        if (next.text.startsWith('/')) done.length = 0;
        pending.unshift(...next.text.split('/'));
      } else {
        if (next === undefined || next.type !== 'directory') missing = true;
        done.push(part);
      }
    }
    return done.map(part => `/${part}`).join('');
  }
}

/** Whether a directory is another one, or has it somewhere below: files do not tell, they may have links elsewhere. */
function holds(node: Node | undefined, wanted: Node): boolean {
  if (node === wanted) return true;
  for (const child of node?.children.values() ?? []) if (holds(child, wanted)) return true;
  return false;
}

/** Has a layer writer do a change; false where it refuses. */
export function applyToWriter(writer: LayerWriter, change: Change): boolean {
  const { path } = change;
  try {
    switch (change.do) {
      case 'remove':
        return writer.remove(path);
      case 'metadata':
        writer.setMetadata(path, { xattrs: new Map(), ...change.metadata });
        return true;
      case 'directory':
        writer.putDirectory(path, change.metadata);
        return true;
      case 'directories':
        writer.makeDirectories(path, change.metadata);
        return true;
      case 'file':
        writer.putFile(path, { data: Buffer.from(change.text, 'latin1') }, change.metadata);
        return true;
      case 'fifo':
        writer.putNode(path, 'fifo', { major: 0, minor: 0 }, change.metadata);
        return true;
      case 'symlink':
        writer.putSymlink(path, change.target, change.metadata);
        return true;
      case 'link':
        writer.putHardLink(path, change.target);
        return true;
    }
  } catch (error) {
    if (error instanceof StagecraftError && /not-found|usage|confined/.test(error.code)) return false;
    throw error;
  }
}

const name = fc.constantFrom('a', 'b', 'c', 'd\xe9\xff');
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map(parts => `/${parts.join('/')}`);
const anyPath = fc.oneof({ weight: 20, arbitrary: path }, { weight: 1, arbitrary: fc.constant('/') });
const target = fc.oneof(
  path,
  fc
    .array(fc.oneof(name, fc.constantFrom('..', '.')), { minLength: 1, maxLength: 3 })
    .map(parts => parts.join('/')),
);
const owner = fc.constantFrom(0, 0, 33, 1000);
const xattrs = fc.constantFrom<Metadata['xattrs']>(
  new Map(),
  new Map(),
  new Map([['user.a', Buffer.from('1')]]),
);

function metadata(modes: number[]): fc.Arbitrary<Metadata> {
  return fc.record({
    mode: fc.constantFrom(...modes),
    uid: owner,
    gid: owner,
    mtimeNs: fc.integer({ min: 1, max: 2_000_000_000 }).map(seconds => BigInt(seconds) * second),
    xattrs: xattrs as fc.Arbitrary<ReadonlyMap<string, Uint8Array>>,
  });
}

const forFiles = metadata([0o644, 0o755, 0o4755, 0o600]);
const forDirectories = metadata([0o755, 0o700, 0o1777]);
const forAll = metadata([0o755, 0o700]);
/** What the kernel lets links and pipes have: no attributes. */
const bare = forFiles.map(({ xattrs: _, ...rest }) => rest);

export const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('directory' as const),
      path: anyPath,
      metadata: forDirectories,
      text: fc.constant(''),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('directories' as const),
      path: anyPath,
      metadata: forDirectories,
      text: fc.constant(''),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('file' as const),
      path,
      metadata: forFiles,
      text: fc.string({ maxLength: 8 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('fifo' as const), path, metadata: bare, text: fc.constant('') }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('symlink' as const), path, target, metadata: bare }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('link' as const), path, target: path, metadata: bare }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('metadata' as const), path: anyPath, metadata: forAll }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('remove' as const), path: anyPath }) },
);

/** Whether a layer can tell of it: one that makes an unusual root usual again says nothing of it (`packLayer`). */
function isTold(change: Change): boolean {
  if (change.path !== '/' || !('metadata' in change)) return true;
  return change.metadata.mode !== 0o755 || change.metadata.uid !== 0;
}

/** Changes in layers, base first. */
export const history: fc.Arbitrary<Change[][]> = fc.array(
  fc.array(change.filter(isTold), { minLength: 1, maxLength: 14 }),
  {
    minLength: 1,
    maxLength: 4,
  },
);
