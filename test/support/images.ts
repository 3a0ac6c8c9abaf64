import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { getXattr, listXattrs } from '../../src/syscall/xattrs.ts';
import { type ByteString, bytesFromText, fsPath, textFromBytes } from '../../src/util/bytes.ts';
import { tool } from './program.ts';

/** An image as others read it. */
export interface Image {
  /** The configuration as it is in the image. */
  readonly config: object;
  /** What each path of the file tree is. */
  readonly tree: Map<string, string>;
}

/** Reads an image of an OCI layout by umoci. Needs root to keep the owners; `place` is a new directory. */
export async function readImage(layout: string, place: string, tag = 'latest'): Promise<Image> {
  const config = readConfig(layout, tag);
  mkdirSync(place, { recursive: true });
  const bundle = join(place, 'bundle');
  await tool('umoci', 'unpack', '--image', `${layout}:${tag}`, bundle);
  return { config, tree: readTree(join(bundle, 'rootfs')) };
}

function readConfig(layout: string, tag: string): object {
  const read = (path: string) => JSON.parse(readFileSync(join(layout, path), 'utf8'));
  const blob = (digest: string) => read(join('blobs', digest.replace(':', '/')));
  const { manifests } = read('index.json') as { manifests: { digest: string; annotations?: object }[] };
  const named = manifests.find(({ annotations }) => Object.values(annotations ?? {}).includes(tag));
  assert.ok(named, `${tag} is not in ${layout}`);
  return blob(blob(named.digest).config.digest);
}

/**
 * What every path below a directory is: type, mode, owner, and link target, device or digest of the content; names of
 * the same file in one group; extended attributes. Times only where they are long gone: those of files that were copied.
 * Bytes of a name that are no UTF-8 stand there as Latin-1.
 */
export function readTree(root: string): Map<string, string> {
  const tree = new Map<string, string>();
  const inodes = new Map<number, string[]>();
  const walk = (place: ByteString, path: string): void => {
    const stat = lstatSync(fsPath(place));
    const mode = (stat.mode & 0o7777).toString(8);
    const time =
      stat.mtimeMs > chosen && stat.mtimeMs < recent && !stat.isDirectory()
        ? ` ${stat.mtime.toISOString()}`
        : '';
    const attributes = listXattrs(place).map(name => ` ${name}=${hexOf(getXattr(place, name))}`);
    const facts = [kindOf(place, stat), ` ${mode} ${stat.uid}:${stat.gid}`, time, ...attributes];
    tree.set(path, facts.join(''));
    if (stat.isDirectory())
      for (const name of readdirSync(fsPath(place), { encoding: 'latin1' }).sort())
        walk(`${place}/${name}`, `${path === '/' ? '' : path}/${readable(name)}`);
    else if (stat.nlink > 1) inodes.set(stat.ino, [...(inodes.get(stat.ino) ?? []), path]);
  };
  walk(bytesFromText(root), '/');
  for (const names of inodes.values())
    for (const name of names) tree.set(name, `${tree.get(name)} same as ${names.join(' ')}`);
  return tree;
}

function readable(name: ByteString): string {
  return isUtf8(Buffer.from(name, 'latin1')) ? textFromBytes(name) : name;
}

function hexOf(value: Uint8Array | undefined): string {
  return Buffer.from(value ?? []).toString('hex');
}

/** Milliseconds since the epoch: times before are those that a builder gives to files that it writes itself. */
const chosen = Date.UTC(1990);

/** Nothing made by a test is older. */
const recent = Date.UTC(2020);

function kindOf(place: ByteString, stat: Stats): string {
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return `link to ${readable(readlinkSync(fsPath(place), 'latin1'))}`;
  if (stat.isFIFO()) return 'fifo';
  if (stat.isCharacterDevice() || stat.isBlockDevice()) return `device ${stat.rdev}`;
  const digest = createHash('sha256')
    .update(readFileSync(fsPath(place)))
    .digest('hex');
  return `file ${digest.slice(0, 16)} of ${stat.size}`;
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

/**
 * Forgets the empty files and directories that a builder left where it had mounted something, unless they are in `other`
 * too.
 */
export function dropMountpoints(
  tree: Map<string, string>,
  mountpoints: readonly string[],
  other: ReadonlyMap<string, string>,
): void {
  for (const path of mountpoints.filter(path => !other.has(path)).sort((a, b) => b.length - a.length)) {
    const isEmpty = ![...tree.keys()].some(inner => inner.startsWith(`${path}/`));
    if (isEmpty && /^(directory|file \w+ of 0) 755 0:0/.test(tree.get(path) ?? '')) tree.delete(path);
  }
}
