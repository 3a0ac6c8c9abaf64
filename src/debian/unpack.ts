import { ftruncateSync, writeSync } from 'node:fs';
import type { LayerWriter, Metadata } from '../snapshot/types.ts';
import type { TarHeader } from '../tar/header.ts';
import type { TarReader } from '../tar/reader.ts';
import { type ByteString, textFromBytes } from '../util/bytes.ts';
import { StagecraftError } from '../util/errors.ts';
import type { Architecture } from './architecture.ts';
import type { OpenPackage } from './layer-work.ts';
import type { Step } from './steps.ts';
import { compareVersions } from './version.ts';

export interface UnpackOptions {
  /** False for paths (`/usr/share/man/man1/ls.1.gz`) that stay out. */
  readonly wanted?: (path: ByteString) => boolean;
  /** Names the package in messages. */
  readonly what: string;
}

/** What directories get that no package gives. */
export function plainDirectory(mtimeNs: bigint): Metadata {
  return { mode: 0o755, uid: 0, gid: 0, mtimeNs };
}

/** The first version of base-files that brings the links of a merged /usr itself (Debian 13). */
const mergedBaseFiles = '13';

/**
 * Makes `/bin`, `/sbin` and `/lib*` links into `/usr`, as every supported release has them (Debian's usrmerge). Up to
 * Debian 12 an installer has to; later base-files brings them, if it is unpacked first.
 */
export function mergeUsr(
  writer: LayerWriter,
  architecture: Architecture,
  packages: readonly { readonly name: string; readonly version: string }[],
  metadata: Metadata,
): void {
  const baseFiles = packages.find(({ name }) => name === 'base-files');
  if (baseFiles && compareVersions(baseFiles.version, mergedBaseFiles) >= 0) return;
  for (const name of architecture.merged) {
    writer.makeDirectories(`/usr/${name}`, metadata);
    writer.putSymlink(`/${name}`, `usr/${name}`, { ...metadata, mode: 0o777 });
  }
}

/** Unpacks packages one after the other, telling the bytes of packages done. */
export async function unpackPackages(
  packages: readonly OpenPackage[],
  writer: LayerWriter,
  step: Step,
  options: { readonly wanted?: (path: ByteString) => boolean; readonly signal: AbortSignal | undefined },
): Promise<void> {
  const total = packages.reduce((sum, { package: { size } }) => sum + size, 0);
  let done = 0;
  for (const { deb, package: entry } of packages) {
    options.signal?.throwIfAborted();
    await unpackData(deb.readData(), writer, { ...options, what: `the package ${entry.name}` });
    done += entry.size;
    step.measure('packages', done, total);
  }
}

/**
 * Writes the files of a package, as dpkg does: a directory that is there already stays as it is, and so does a link to
 * one; files replace files. Every parent is resolved within the root.
 * @throws StagecraftError `integrity` for an entry that cannot be placed
 */
async function unpackData(tar: TarReader, writer: LayerWriter, options: UnpackOptions): Promise<void> {
  for (let header = await tar.next(); header; header = await tar.next()) {
    const path = absolute(header.name);
    if (path === '/' || (options.wanted && !options.wanted(path))) continue;
    const slash = path.lastIndexOf('/');
    if (slash > 0) writer.makeDirectories(path.slice(0, slash), plainDirectory(header.mtimeNs));
    await place(path, header, tar, writer, options.what);
  }
}

async function place(
  path: ByteString,
  header: TarHeader,
  tar: TarReader,
  writer: LayerWriter,
  what: string,
): Promise<void> {
  switch (header.type) {
    case 'directory':
      if (isDirectory(writer, path)) return;
      return writer.putDirectory(path, header);
    case 'symlink':
      return writer.putSymlink(path, header.linkname, header);
    case 'hardlink':
      return writer.putHardLink(path, absolute(header.linkname));
    case 'file':
      return writeFile(path, header, tar, writer);
    default:
      throw new StagecraftError(
        'integrity',
        `${what} holds ${textFromBytes(path)}, which is a device or a pipe; a package has none.`,
      );
  }
}

/** Whether the path is a directory or a link to one. */
function isDirectory({ tree }: LayerWriter, path: ByteString): boolean {
  const entry = tree.lstat(path);
  if (entry?.type !== 'symlink') return entry?.type === 'directory';
  return tree.lstat(tree.resolve(path))?.type === 'directory';
}

async function writeFile(
  path: ByteString,
  header: TarHeader,
  tar: TarReader,
  writer: LayerWriter,
): Promise<void> {
  const { fd, close } = writer.createFile(path, header);
  try {
    let end = 0;
    for (let part = await tar.read(); part; part = await tar.read()) {
      for (let done = 0; done < part.bytes.length; )
        done += writeSync(fd, part.bytes, done, part.bytes.length - done, part.position + done);
      end = part.position + part.bytes.length;
    }
    if (end < header.size) ftruncateSync(fd, header.size);
  } finally {
    close();
  }
}

/** The name of an entry (`./usr/bin/ls`) as a path of the tree, clean. */
function absolute(name: ByteString): ByteString {
  const parts: ByteString[] = [];
  for (const part of name.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}
