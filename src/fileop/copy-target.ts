import { closeSync, fstatSync } from 'node:fs';
import type { CopyAction } from '../llb/ops.ts';
import type { Entry, LayerId, LayerWriter, Metadata } from '../snapshot/types.ts';
import { hashFile } from '../source/hash-file.ts';
import type { DigestedTree, FileData } from '../source/types.ts';
import { type ByteString, textFromBytes } from '../util/bytes.ts';
import { StagecraftError } from '../util/errors.ts';
import { Linking } from './linking.ts';
import { type Making, timeOf } from './making.ts';
import { type ModeChange, parseMode } from './mode.ts';
import type { OpenLayer } from './open-layer.ts';
import type { Step, Visitor } from './selection.ts';
import { copySparse, isSparse } from './sparse.ts';

/** A file on disk that may get another name, and the layer that made it. */
interface Existing {
  readonly file: ByteString;
  readonly maker: LayerId;
}

/** Puts what a walk through a source meets into a draft. */
export class CopyTarget {
  readonly #action: CopyAction;
  readonly #source: DigestedTree;
  readonly #layer: OpenLayer;
  readonly #writer: LayerWriter;
  readonly #making: Making;
  readonly #mtimeNs: bigint | undefined;
  readonly #mode: ModeChange;
  readonly #linking: Linking;

  constructor(action: CopyAction, source: DigestedTree, layer: OpenLayer, making: Making) {
    this.#action = action;
    this.#source = source;
    this.#layer = layer;
    this.#writer = layer.writer;
    this.#linking = new Linking(layer.writer);
    this.#making = making;
    this.#mtimeNs = timeOf(action);
    if (action.modeText !== '') this.#mode = parseMode(action.modeText);
    else if (action.mode !== -1) this.#mode = () => action.mode & 0o7777;
    else this.#mode = mode => mode;
  }

  /** Copies what a walk meets, its start to `root`. Hard links within one walk stay hard links. */
  async fill(root: ByteString, walk: (visitor: Visitor) => Promise<void>): Promise<void> {
    try {
      await walk(this.#visitor(root));
      await this.#linking.settle();
    } finally {
      await this.#linking.idle();
    }
  }

  #visitor(root: ByteString): Visitor {
    /** For each directory entered whether it was made just now, so that nothing can be in the way. */
    const made: boolean[] = [];
    const links = new Map<string, ByteString>();
    const prefix = root === '/' ? '' : root;
    const place = (step: Step): ByteString => prefix + step.relative || '/';
    return {
      enter: (step, implied) => {
        const path = place(step);
        made.push(this.#putDirectory(path, step, implied, made.at(-1) ?? false));
      },
      leave: () => void made.pop(),
      visit: step => {
        const path = place(step);
        if (!made.at(-1)) this.#clear(path);
        if (step.entry.type !== 'file') return this.#putOther(path, step);
        const putting = this.#putFile(path, step, links);
        return putting === undefined && this.#linking.isFull ? this.#linking.room() : putting;
      },
    };
  }

  /** Returns whether the directory was made. */
  #putDirectory(path: ByteString, step: Step, implied: boolean, parentMade: boolean): boolean {
    let existing = parentMade ? undefined : this.#writer.tree.lstat(path);
    if (existing !== undefined && existing.type !== 'directory') {
      if (implied || !this.#action.alwaysReplaceExistingDestPaths)
        throw conflict(`The directory ${shown(step.path)} cannot replace ${shown(path)}, which is none.`);
      this.#writer.remove(path);
      existing = undefined;
    }
    const metadata = this.#metadata(step.entry, this.#source.xattrs(step.path));
    if (existing === undefined || (step.relative !== '' && !implied))
      this.#writer.putDirectory(path, metadata);
    // The directory copied into keeps what it is, one that only leads to what is copied takes the mode.
    else if (step.relative === '') this.#writer.setMetadata(path, { mtimeNs: metadata.mtimeNs });
    else this.#writer.setMetadata(path, { mode: step.entry.mode });
    return existing === undefined;
  }

  /** Makes sure that no directory stands where something else is to be put. */
  #clear(path: ByteString): void {
    if (this.#writer.tree.lstat(path)?.type !== 'directory') return;
    if (!this.#action.alwaysReplaceExistingDestPaths)
      throw conflict(`${shown(path)} is a directory, which a file cannot replace.`);
    this.#writer.remove(path);
  }

  #putOther(path: ByteString, step: Step): void {
    const { entry } = step;
    const metadata = this.#metadata(entry, this.#source.xattrs(step.path));
    if (entry.type === 'symlink') this.#writer.putSymlink(path, this.#source.readlink(step.path), metadata);
    else if (entry.type === 'char' || entry.type === 'block' || entry.type === 'fifo')
      this.#writer.putNode(path, entry.type, entry.rdev, metadata);
  }

  #putFile(path: ByteString, step: Step, links: Map<string, ByteString>): void | Promise<void> {
    const link = this.#source.linkId(step.path);
    const first = link === undefined ? undefined : links.get(link);
    if (first !== undefined)
      return this.#linking.isIdle
        ? this.#putHardLink(path, first)
        : this.#linking.settle().then(() => this.#putHardLink(path, first));
    if (link !== undefined) links.set(link, path);
    const data = this.#source.fileData(step.path);
    return data instanceof Promise
      ? data.then(known => this.#putData(path, step, known))
      : this.#putData(path, step, data);
  }

  #putHardLink(path: ByteString, first: ByteString): void {
    this.#writer.putHardLink(path, first);
    const { table } = this.#layer;
    // What had been linked from another layer is the layer's own from now on.
    const row = { ...table.row(table.find(first)), linked: true, origin: undefined };
    table.set(first, row);
    table.set(path, row);
  }

  #putData(path: ByteString, step: Step, data: FileData): void | Promise<void> {
    // Asking for the data may have found the file changed since the walk saw it.
    const entry = this.#source.lstat(step.path) ?? step.entry;
    const metadata = this.#metadata(entry, data.attributes ? this.#source.xattrs(step.path) : undefined);
    const existing =
      data.attributes || !this.#making.mayShare
        ? undefined
        : (this.#findPrevious(path, data, metadata) ?? this.#findSource(step.path, entry, metadata));
    const note = (origin: LayerId | undefined): void =>
      this.#layer.table.set(path, {
        size: entry.size,
        mtimeNs: metadata.mtimeNs,
        ctimeNs: 0n,
        ino: 0,
        mode: metadata.mode,
        uid: metadata.uid,
        gid: metadata.gid,
        attributes: data.attributes,
        origin,
        data: data.sha256,
      });
    note(existing?.maker);
    if (existing === undefined) return this.#copy(path, step.path, entry, data, metadata);
    // A link is refused when the layer is being removed, or the file has as many names as the file system allows.
    this.#linking.link(path, existing.file, () => {
      note(undefined);
      return this.#copy(path, step.path, entry, data, metadata);
    });
    return undefined;
  }

  /** The file that the last run made, if it is just what is to be made now. */
  #findPrevious(path: ByteString, data: FileData, metadata: Metadata): Existing | undefined {
    for (const { id, dir, table } of this.#making.previous) {
      const row = table.find(path);
      if (row < 0 || table.linked(row) || table.attributes(row)) continue;
      if (!table.sameMetadata(row, metadata) || table.data(row) !== data.sha256) continue;
      const maker = table.origin(row) ?? id;
      // A file that the source shares is linked from there, so that it is known not to be linked twice.
      if (!this.#making.isSourceMaker(maker) && this.#layer.mayLink(maker))
        return { file: dir + path, maker };
    }
    return undefined;
  }

  /** The source's own file, if it lies in a layer and nothing about it is to change. */
  #findSource(from: ByteString, entry: Entry, metadata: Metadata): Existing | undefined {
    const file = this.#source.immutablePath(from);
    if (file === undefined || !sameMetadata(entry, metadata)) return undefined;
    const maker = this.#source.maker(from);
    return maker !== undefined && this.#layer.mayLink(maker) && this.#layer.linkOnce(entry)
      ? { file, maker }
      : undefined;
  }

  #copy(
    path: ByteString,
    from: ByteString,
    entry: Entry,
    data: FileData,
    metadata: Metadata,
  ): void | Promise<void> {
    const fd = this.#source.open(from);
    let isSame: boolean;
    try {
      if (isSparse(fd, entry.size)) copySparse(fd, this.#writer.createFile(path, metadata), entry.size);
      else this.#writer.putFile(path, { fd }, metadata);
      isSame = isFixed(this.#source) || (data.settled && !hasChanged(fd, entry));
    } finally {
      closeSync(fd);
    }
    return isSame ? undefined : this.#compare(path, data);
  }

  /** Looks whether a copy is what its key was made of, where the file's times cannot tell. */
  async #compare(path: ByteString, data: FileData): Promise<void> {
    const { tree } = this.#writer;
    const fd = tree.open(path);
    try {
      const sha256 = await hashFile(fd, tree.lstat(path)!.size);
      if (sha256 !== data.sha256) this.#making.onChange();
    } finally {
      closeSync(fd);
    }
  }

  #metadata(entry: Entry, xattrs: ReadonlyMap<string, Uint8Array> | undefined): Metadata {
    const { owner } = this.#making;
    const metadata = {
      mode: this.#mode(entry.mode, entry.type === 'directory'),
      uid: owner?.uid ?? entry.uid,
      gid: owner?.gid ?? entry.gid,
      mtimeNs: this.#mtimeNs ?? entry.mtimeNs,
    };
    return xattrs === undefined || xattrs.size === 0 ? metadata : { ...metadata, xattrs };
  }
}

/** Whether nobody writes to these files any more. */
function isFixed({ kind }: DigestedTree): boolean {
  return kind === 'layers' || kind === 'download';
}

function sameMetadata(entry: Entry, metadata: Metadata): boolean {
  return (
    entry.mode === metadata.mode &&
    entry.uid === metadata.uid &&
    entry.gid === metadata.gid &&
    entry.mtimeNs === metadata.mtimeNs
  );
}

function hasChanged(fd: number, entry: Entry): boolean {
  const now = fstatSync(fd, { bigint: true });
  return now.ctimeNs !== entry.ctimeNs || now.mtimeNs !== entry.mtimeNs || Number(now.size) !== entry.size;
}

function conflict(message: string): StagecraftError {
  return new StagecraftError('usage', message, {
    hint: 'Copy to another path, or remove what is in the way first.',
  });
}

function shown(path: ByteString): string {
  return JSON.stringify(textFromBytes(path));
}
