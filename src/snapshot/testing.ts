import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openStore, type Store } from '../store/store.ts';
import type { ByteString } from '../util/bytes.ts';
import { openLayerStore } from './layer-store.ts';
import { overlayXattrs } from './overlay.ts';
import { packLayer } from './pack.ts';
import { RootView } from './root-view.ts';
import type { FileTree, LayerId, LayerStore, LayerWriter, Metadata, RootFs } from './types.ts';

/** A store to try layers in, gone with the test file. For tests. */
export interface Workshop {
  readonly dir: string;
  readonly store: Store;
  readonly layers: LayerStore;
  /** Makes one more layer on top. */
  add(below: RootFs, write: (writer: LayerWriter) => void): RootFs;
}

export function openWorkshop(): Workshop {
  const dir = mkdtempSync(join(tmpdir(), 'stagecraft-snapshot-'));
  const store = openStore(join(dir, 'store'));
  after(() => {
    store.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const layers = openLayerStore(store);
  return {
    dir,
    store,
    layers,
    add(below, write) {
      const draft = layers.create();
      const writer = layers.writer(draft, below);
      write(writer);
      writer.finish();
      return [...below, draft.commit()];
    },
  };
}

export const plain: Metadata = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 1_600_000_000_000_000_000n };
export const directory: Metadata = { ...plain, mode: 0o755 };

export async function packed(layers: LayerStore, id: LayerId): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of packLayer(layers.dir(id))) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function* stream(archive: Uint8Array, size = 10_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < archive.length; at += size) yield archive.subarray(at, at + size);
}

/** What a tree holds, a line an entry: all that an image keeps. The root's time is left out. */
export function describeTree(tree: FileTree): string[] {
  const lines: string[] = [];
  const visit = (path: ByteString): void => {
    const entry = tree.lstat(path)!;
    const parts = [path, entry.type, entry.mode.toString(8), `${entry.uid}:${entry.gid}`];
    if (entry.type === 'symlink') parts.splice(2, 1, tree.readlink(path));
    if (path !== '/') parts.push(String(entry.mtimeNs / 1_000_000_000n));
    if (entry.type === 'file') parts.push(contentOf(tree, path));
    if (entry.type === 'char' || entry.type === 'block')
      parts.push(`${entry.rdev.major},${entry.rdev.minor}`);
    for (const [name, value] of tree.xattrs(path))
      parts.push(`${name}=${Buffer.from(value).toString('hex')}`);
    lines.push(parts.join(' '));
    if (entry.type === 'directory')
      for (const name of tree.list(path)) visit(path === '/' ? `/${name}` : `${path}/${name}`);
  };
  visit('/');
  return lines;
}

export function contentOf(tree: FileTree, path: ByteString): string {
  const fd = tree.open(path);
  try {
    const content = readFileSync(fd);
    return content.length <= 40
      ? JSON.stringify(content.toString('latin1'))
      : createHash('sha256').update(content).digest('hex');
  } finally {
    closeSync(fd);
  }
}

/** The reason why this process cannot try a real overlay mount; nothing where it can. */
export const noMounts: string | false =
  spawnSync('unshare', ['--mount', 'true']).status === 0
    ? false
    : 'mounting overlays takes root, of the machine or of a user namespace';

/**
 * Mounts layer directories, base first, with the kernel's overlayfs in a mount namespace that ends with the call; runs a
 * shell script there if one is given, in the merged root, with all changes in `upper`; and tells what the kernel shows.
 */
export function describeMounted(
  dirs: readonly string[],
  scratch: string,
  change?: { upper: string; work: string; script: string },
): string[] {
  const target = join(scratch, 'mnt');
  const empty = join(scratch, 'empty');
  for (const each of [target, empty]) mkdirSync(each, { recursive: true });
  // An overlay without upper directory wants at least two layers.
  const lower = [...dirs].reverse().concat(dirs.length < 2 ? [empty] : []);
  // Names from a directory near by are short: all of them must fit into one page.
  const cwd = join(dirs[0]!, '../..');
  const options = [
    `lowerdir=${lower.map(each => relative(cwd, each)).join(':')}`,
    ...formOptions[overlayXattrs()],
  ];
  if (change) options.push(`upperdir=${change.upper}`, `workdir=${change.work}`);
  const steps = [
    'set -e',
    'mount -t overlay overlay -o "$OPTIONS" "$TARGET"',
    `(cd "$TARGET"; ${change?.script ?? ':'})`,
    '"$NODE" "$SELF" "$TARGET"',
  ];
  const run = spawnSync('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', steps.join('\n')], {
    cwd,
    env: {
      ...process.env,
      OPTIONS: options.join(','),
      TARGET: target,
      NODE: process.execPath,
      SELF: fileURLToPath(import.meta.url),
      NODE_TEST_CONTEXT: '',
    },
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (run.status !== 0) throw new Error(`The mount failed: ${run.stderr}`);
  return JSON.parse(run.stdout);
}

const formOptions = { trusted: ['redirect_dir=off', 'metacopy=off', 'index=off'], user: ['userxattr'] };

if (process.argv[1] === fileURLToPath(import.meta.url) && process.argv[2] !== undefined)
  process.stdout.write(JSON.stringify(describeTree(new RootView([process.argv[2]]))));
