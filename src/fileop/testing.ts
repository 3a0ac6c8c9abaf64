import { closeSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { CopyAction, FileAction, FileActionKind, FileOp } from '../llb/ops.ts';
import { openLayerStore } from '../snapshot/layer-store.ts';
import type { LayerId, RootFs } from '../snapshot/types.ts';
import { LayerDigests } from '../source/layers.ts';
import { LocalTree, type LocalTreeOptions } from '../source/local.ts';
import type { DigestedTree } from '../source/types.ts';
import { openStore } from '../store/store.ts';
import { textFromBytes } from '../util/bytes.ts';
import { executeFileOp } from './execute.ts';
import { contentKeyOfFileOp } from './key.ts';
import type { FileOpInput, FileOpServices } from './types.ts';

/** Files by path: content, `null` for a directory, `->target` for a symlink. */
export type Files = Record<string, string | null>;

/** A copy as `COPY` of a Dockerfile asks for it, with what is to be different. */
export function copyAction(
  src: string,
  dest: string,
  rest: Partial<CopyAction> = {},
): FileActionKind & { kind: 'copy' } {
  return {
    kind: 'copy',
    src,
    dest,
    mode: -1,
    followSymlink: true,
    dirCopyContents: true,
    attemptUnpack: false,
    createDestPath: true,
    allowWildcard: true,
    allowEmptyWildcard: true,
    timestamp: -1n,
    includePatterns: [],
    excludePatterns: [],
    alwaysReplaceExistingDestPaths: false,
    modeText: '',
    requiredPaths: [],
    ...rest,
  };
}

/** An operation on input 0 whose actions follow each other, copies taking from input 1. */
export function chain(...actions: FileActionKind[]): FileOp {
  return {
    actions: actions.map(
      (action, i): FileAction => ({
        input: i === 0 ? 0 : 1 + i,
        secondaryInput: action.kind === 'copy' ? 1 : -1,
        output: i === actions.length - 1 ? 0 : -1,
        action,
      }),
    ),
  };
}

/** A store of its own in a temporary directory, and contexts beside it. */
export class Workshop {
  readonly dir = mkdtempSync(join(tmpdir(), 'stagecraft-fileop-'));
  readonly store = openStore(join(this.dir, 'store'));
  readonly layers = openLayerStore(this.store);
  readonly services: FileOpServices = { layers: this.layers, digests: new LayerDigests(this.layers) };
  #contexts = 0;

  context(files: Files): string {
    const root = join(this.dir, `context-${this.#contexts++}`);
    mkdirSync(root);
    for (const [name, content] of Object.entries(files)) {
      const path = join(root, name);
      mkdirSync(dirname(path), { recursive: true });
      if (content === null) mkdirSync(path, { recursive: true });
      else if (content.startsWith('->')) symlinkSync(content.slice(2), path);
      else writeFileSync(path, content);
    }
    return root;
  }

  /** Runs actions on a root file system with a context, given as its files or its directory. */
  async run(
    base: RootFs,
    context: Files | string,
    actions: FileActionKind[],
    options: LocalTreeOptions & { previous?: LayerId[] } = {},
  ): Promise<RootFs> {
    const root = typeof context === 'string' ? context : this.context(context);
    const tree = new LocalTree(root, { store: this.store, ...options });
    try {
      return await this.runOn(base, { tree }, actions, options.previous);
    } finally {
      tree.close();
    }
  }

  async runOn(
    base: RootFs,
    source: FileOpInput,
    actions: FileActionKind[],
    previous?: LayerId[],
  ): Promise<RootFs> {
    const { outputs } = await executeFileOp(
      chain(...actions),
      [{ rootFs: base }, source],
      this.services,
      previous,
    );
    return outputs[0]!;
  }

  /** The content key of actions on a base with the key `base`. */
  async key(context: string, actions: FileActionKind[], options: LocalTreeOptions = {}): Promise<string> {
    const tree = new LocalTree(context, { store: this.store, ...options });
    try {
      return await this.keyOn(tree, actions);
    } finally {
      tree.close();
    }
  }

  keyOn(source: DigestedTree, actions: FileActionKind[], base = 'base'): Promise<string> {
    const none = () => {
      throw new Error('The base was read');
    };
    return contentKeyOfFileOp(chain(...actions), [
      { key: base, tree: none },
      { key: 'source', tree: () => source },
    ]);
  }

  tree(rootFs: RootFs): DigestedTree {
    return this.services.digests.tree(rootFs);
  }

  /** All of a root file system, a line a path: `path type mode uid:gid`, and the content or the link's target. */
  show(rootFs: RootFs, path = '/'): string[] {
    const tree = this.tree(rootFs);
    return tree.list(path).flatMap(name => {
      const child = path === '/' ? `/${name}` : `${path}/${name}`;
      const { type, mode, uid, gid } = tree.lstat(child)!;
      const owner = uid === 0 && gid === 0 ? '' : ` ${uid}:${gid}`;
      const line = textFromBytes(child);
      if (type === 'symlink') return `${line}${owner} -> ${textFromBytes(tree.readlink(child))}`;
      const head = `${line} ${mode.toString(8)}${owner}`;
      if (type === 'directory') return [`${head} dir`, ...this.show(rootFs, child)];
      return type === 'file' ? `${head} ${JSON.stringify(this.read(rootFs, child))}` : `${head} ${type}`;
    });
  }

  read(rootFs: RootFs, path: string): string {
    const fd = this.tree(rootFs).open(path);
    try {
      return readFileSync(fd, 'utf8');
    } finally {
      closeSync(fd);
    }
  }

  close(): void {
    this.store.close();
    rmSync(this.dir, { recursive: true });
  }
}
