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
  let path = locate(tree, command);
  for (let scripts = 0; path !== undefined && scripts < maxScripts; scripts++) {
    const start = readStart(tree, path);
    if (start === undefined) return undefined;
    const architecture = architectureOf(start);
    if (architecture !== undefined) return { path: textFromBytes(path), architecture };
    path = /^#!\s*([^\s]+)/.exec(Buffer.from(start).toString('latin1'))?.[1];
  }
  return undefined;
}

function locate(tree: FileTree, { args: [name = ''], env, cwd }: Command): ByteString | undefined {
  const file = bytesFromText(name);
  if (name.includes('/')) return name.startsWith('/') ? file : `${bytesFromText(cwd)}/${file}`;
  const search = env.findLast(variable => variable.startsWith('PATH='))?.slice('PATH='.length) ?? '';
  const candidates = search
    .split(':')
    .filter(directory => directory.startsWith('/'))
    .map(directory => `${bytesFromText(directory)}/${file}`);
  return candidates.find(candidate => typeOf(tree, candidate) === 'file');
}

function typeOf(tree: FileTree, path: ByteString): string | undefined {
  try {
    return tree.lstat(tree.resolve(path))?.type;
  } catch (error) {
    // A loop of symlinks, or a file where a directory should be.
    if (error instanceof StagecraftError || isErrno(error, 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  }
}

function readStart(tree: FileTree, path: ByteString): Uint8Array | undefined {
  if (typeOf(tree, path) !== 'file') return undefined;
  const file = tree.open(tree.resolve(path));
  try {
    const start = Buffer.alloc(lineSize);
    return start.subarray(0, readSync(file, start, 0, lineSize, 0));
  } finally {
    closeSync(file);
  }
}
