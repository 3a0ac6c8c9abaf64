import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { run, tool } from './program.ts';

/** An image as others read it. */
export interface Image {
  /** The configuration as it is in the image. */
  readonly config: object;
  /** What each path of the file tree is. */
  readonly tree: Map<string, string>;
}

/** Reads an image of an OCI layout by skopeo and umoci. Needs root to keep the owners; `place` is a new directory. */
export async function readImage(layout: string, place: string, tag = 'latest'): Promise<Image> {
  const config = JSON.parse(await tool('skopeo', 'inspect', '--config', '--raw', `oci:${layout}:${tag}`));
  mkdirSync(place, { recursive: true });
  const bundle = join(place, 'bundle');
  await tool('umoci', 'unpack', '--image', `${layout}:${tag}`, bundle);
  return { config, tree: await readTree(join(bundle, 'rootfs')) };
}

/**
 * What every path below a directory is: type, mode, owner, and link target, device or digest of the content; names of
 * the same file in one group; file capabilities. Times only where they are long gone: those of files that were copied.
 */
export async function readTree(root: string): Promise<Map<string, string>> {
  const tree = new Map<string, string>();
  const inodes = new Map<number, string[]>();
  const walk = (path: string): void => {
    const place = join(root, path);
    const stat = lstatSync(place);
    const mode = (stat.mode & 0o7777).toString(8);
    const time = stat.mtimeMs < recent && !stat.isDirectory() ? ` ${stat.mtime.toISOString()}` : '';
    tree.set(path, `${kindOf(place)} ${mode} ${stat.uid}:${stat.gid}${time}`);
    if (stat.isDirectory()) for (const name of readdirSync(place).sort()) walk(join(path, name));
    else if (stat.nlink > 1) inodes.set(stat.ino, [...(inodes.get(stat.ino) ?? []), path]);
  };
  walk('/');
  for (const names of inodes.values())
    for (const name of names) tree.set(name, `${tree.get(name)} same as ${names.join(' ')}`);
  for (const line of (await run(['getcap', '-r', root])).stdout.trim().split('\n').filter(Boolean)) {
    const [path, capabilities] = [
      line.slice(root.length, line.lastIndexOf(' ')),
      line.slice(line.lastIndexOf(' ')),
    ];
    tree.set(path, `${tree.get(path)}${capabilities}`);
  }
  return tree;
}

/** Milliseconds since the epoch: nothing made by a test is older. */
const recent = Date.UTC(2020);

function kindOf(place: string): string {
  const stat = lstatSync(place);
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return `link to ${readlinkSync(place)}`;
  if (stat.isFIFO()) return 'fifo';
  if (stat.isCharacterDevice() || stat.isBlockDevice()) return `device ${stat.rdev}`;
  return `file ${createHash('sha256').update(readFileSync(place)).digest('hex').slice(0, 16)} of ${stat.size}`;
}

/** Lines that tell where two trees differ; none where they are the same. */
export function compareTrees(
  ours: ReadonlyMap<string, string>,
  theirs: ReadonlyMap<string, string>,
): string[] {
  return [...new Set([...ours.keys(), ...theirs.keys()])]
    .sort()
    .filter(path => ours.get(path) !== theirs.get(path))
    .map(path => `${path}: ours is ${ours.get(path) ?? 'missing'}, theirs ${theirs.get(path) ?? 'missing'}`);
}

/** Forgets the empty files and directories that a builder left where it had mounted something. */
export function dropMountpoints(tree: Map<string, string>, mountpoints: readonly string[]): void {
  for (const path of mountpoints.toSorted((a, b) => b.length - a.length)) {
    const isEmpty = ![...tree.keys()].some(other => other.startsWith(`${path}/`));
    if (isEmpty && /^(directory|file \w+ of 0) 755 0:0/.test(tree.get(path) ?? '')) tree.delete(path);
  }
}
