import { closeSync, readSync } from 'node:fs';
import type { FileTree } from '../snapshot/types.ts';
import { type ByteString, bytesFromText, textFromBytes } from '../util/bytes.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';
import { architectureOf } from './elf.ts';

/** The file that the kernel executes for a command. */
export interface Program {
  readonly path: string;
  /** As in image platforms: `arm64`. */
  readonly architecture: string;
}

/** How a process is started, as far as it tells which file is executed. */
export interface Command {
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  /** Where something is mounted, whose files are not those of the tree. */
  readonly mounted?: readonly string[];
}

/** As many scripts in a row the kernel follows (fs/exec.c). */
const maxScripts = 5;
/** Bytes of a `#!` line that the kernel reads at most. */
const lineSize = 256;

/**
 * The program behind a command, through PATH, symlinks and `#!` lines. Nothing where it is not there, is no program or
 * lies on a mount: whoever executes it will say so.
 */
export function findProgram(tree: FileTree, command: Command): Program | undefined {
  const mounted = (command.mounted ?? []).map(bytesFromText);
  let path = locate(tree, command, mounted);
  for (let scripts = 0; path !== undefined && scripts < maxScripts; scripts++) {
    const place = placeOf(tree, path);
    const start = place && !isWithin(place, mounted) ? readStart(tree, place) : undefined;
    if (start === undefined) return undefined;
    const architecture = architectureOf(start);
    if (architecture !== undefined) return { path: textFromBytes(path), architecture };
    path = /^#!\s*([^\s]+)/.exec(Buffer.from(start).toString('latin1'))?.[1];
  }
  return undefined;
}

/** True where the process will find an executable file at this path, or may, as something is mounted there. */
export function mayFind(tree: FileTree, path: string, { mounted = [] }: Pick<Command, 'mounted'>): boolean {
  const bytes = bytesFromText(path);
  return isWithin(bytes, mounted.map(bytesFromText)) || placeOf(tree, bytes) !== undefined;
}

function locate(
  tree: FileTree,
  { args: [name = ''], env, cwd }: Command,
  mounted: readonly ByteString[],
): ByteString | undefined {
  const file = bytesFromText(name);
  if (name.includes('/')) return name.startsWith('/') ? file : `${bytesFromText(cwd)}/${file}`;
  const search = env.findLast(variable => variable.startsWith('PATH='))?.slice('PATH='.length) ?? '';
  const candidates = search
    .split(':')
    .filter(directory => directory.startsWith('/'))
    .map(directory => `${bytesFromText(directory)}/${file}`);
  // One on a mount may be there or not: it is taken, and nothing is known of it then.
  return candidates.find(candidate => isWithin(candidate, mounted) || placeOf(tree, candidate) !== undefined);
}

function isWithin(path: ByteString, places: readonly ByteString[]): boolean {
  return places.some(place => path === place || path.startsWith(`${place}/`));
}

/** Where the executable file of this path is, all symlinks resolved; nothing if it is none. */
function placeOf(tree: FileTree, path: ByteString): ByteString | undefined {
  try {
    const place = tree.resolve(path);
    const entry = tree.lstat(place);
    return entry?.type === 'file' && (entry.mode & 0o111) !== 0 ? place : undefined;
  } catch (error) {
    // A loop of symlinks, or a file where a directory should be.
    if (error instanceof StagecraftError || isErrno(error, 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  }
}

function readStart(tree: FileTree, place: ByteString): Uint8Array | undefined {
  const file = tree.open(place);
  try {
    const start = Buffer.alloc(lineSize);
    return start.subarray(0, readSync(file, start, 0, lineSize, 0));
  } finally {
    closeSync(file);
  }
}
