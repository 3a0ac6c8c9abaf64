import { posix } from 'node:path';
import { architectureOf, runsOn } from '../../files/elf.ts';
import { looking } from '../../files/read.ts';
import type { ContainerConfig } from '../../image/types.ts';
import type { FileTree } from '../../snapshot/types.ts';
import { type ByteString, bytesFromText } from '../../util/bytes.ts';
import { isWithin } from '../context-copies.ts';
import { type Binary, missingLibraries, openBinary } from './libraries.ts';
import { findProgram, kindOf, type Program, shown, variableOf, wrappedCommand } from './programs.ts';

/** What keeps a program from starting, as a sentence without its end; nothing if all that it needs is there. */
export function whatIsMissing(
  tree: FileTree,
  config: ContainerConfig,
  architecture: string,
  words: readonly string[],
): string | undefined {
  const visited = new Set<string>();
  let command: readonly string[] | undefined = words;
  for (let depth = 0; command !== undefined && command.length > 0 && depth < 8; depth++) {
    const [name] = command as [string];
    const program = findProgram(tree, config, name);
    if (program === undefined) return absent(tree, config, name);
    if (visited.has(program.path)) return undefined;
    visited.add(program.path);
    const trouble = troubleOf(tree, config, architecture, program);
    if (trouble !== undefined) return trouble;
    command = wrappedCommand(command) ?? interpreterCommand(tree, program, command);
  }
  return undefined;
}

/** The program to look into: what wrappers start, and, of a script, its interpreter. */
export function startedBinary(
  tree: FileTree,
  config: ContainerConfig,
  words: readonly string[],
): Binary | undefined {
  let command: readonly string[] | undefined = words;
  for (let depth = 0; command !== undefined && command.length > 0 && depth < 8; depth++) {
    const program = findProgram(tree, config, command[0]!);
    if (program === undefined) return undefined;
    const wrapped = wrappedCommand(command);
    if (wrapped === undefined || wrapped.length === 0) return openBinary(tree, program.path);
    command = wrapped;
  }
  return undefined;
}

/** What the kernel starts in place of a script. */
function interpreterCommand(
  tree: FileTree,
  program: Program,
  command: readonly string[],
): string[] | undefined {
  const kind = kindOf(tree, program.path);
  if (kind.kind !== 'script') return undefined;
  return [kind.interpreter, ...kind.argument.split(/[ \t]+/).filter(part => part !== ''), ...command];
}

function absent(tree: FileTree, config: ContainerConfig, name: string): string | undefined {
  if (!name.includes('/')) return `there is no program "${name}" in its PATH`;
  const path = posix.resolve('/', config.WorkingDir ?? '/', name);
  // What a volume will hold is not for us to know.
  if (Object.keys(config.Volumes ?? {}).some(volume => isWithin(path, posix.resolve('/', volume))))
    return undefined;
  const type = looking(() => tree.lstat(tree.resolve(bytesFromText(path))))?.type;
  if (type === 'directory') return `${path} is a directory`;
  const link = looking(() => tree.lstat(bytesFromText(path)))?.type === 'symlink';
  if (link)
    return `${path} is a symlink to ${shown(looking(() => tree.readlink(bytesFromText(path))) ?? '')}, which is not there`;
  return `there is no ${path}`;
}

function troubleOf(
  tree: FileTree,
  config: ContainerConfig,
  architecture: string,
  { name, path }: Program,
): string | undefined {
  const entry = looking(() => tree.lstat(path));
  if (entry !== undefined && (entry.mode & 0o111) === 0) return `${shown(path)} is not executable`;
  const kind = kindOf(tree, path);
  if (kind.kind === 'text') return `${shown(path)} is a text without a first line such as #!/bin/sh`;
  if (kind.kind === 'script') return scriptTrouble(tree, config, path, kind);
  if (kind.kind === 'other') return undefined;
  const { elf } = kind.binary;
  if (!runsOn(architecture, elf))
    return `${shown(path)} is a program for ${architectureOf(elf)}, and the image is for ${architecture}`;
  const { interpreter } = elf;
  if (interpreter !== undefined && openBinary(tree, interpreter) === undefined) {
    const what = name === shown(path) ? name : `${name} (${shown(path)})`;
    return `${what} is linked dynamically, and its loader ${interpreter} is not there${otherLoader(tree, interpreter)}`;
  }
  return libraryTrouble(tree, config, kind.binary);
}

function libraryTrouble(tree: FileTree, config: ContainerConfig, binary: Binary): string | undefined {
  const libraryPath = (variableOf(config, 'LD_LIBRARY_PATH') ?? '')
    .split(/[:;]/)
    .filter(path => path.startsWith('/'))
    .map(bytesFromText);
  const missing = missingLibraries(tree, binary, libraryPath);
  if (missing.length === 0) return undefined;
  const names = [...new Set(missing.map(({ name }) => name))];
  const [first] = missing as [(typeof missing)[0]];
  const by = first.by === binary.path ? '' : `, which ${shown(first.by)} needs`;
  const more = names.length > 4 ? ` and ${names.length - 3} more` : '';
  const listed = names.slice(0, more === '' ? 4 : 3).join(', ');
  return `${shown(binary.path)} needs ${names.length === 1 ? 'the library' : 'the libraries'} ${listed}${more}${by}, not to be found`;
}

function scriptTrouble(
  tree: FileTree,
  config: ContainerConfig,
  path: ByteString,
  { interpreter, line }: { interpreter: string; line: string },
): string | undefined {
  if (line.endsWith('\r'))
    return `${shown(path)} has Windows line ends: the kernel looks for an interpreter "${line.trim()}" with a carriage return in its name`;
  if (interpreter === '' || findProgram(tree, { ...config, WorkingDir: '/' }, interpreter) !== undefined)
    return undefined;
  return `${shown(path)} is a script for ${interpreter}, which is not there`;
}

/** The usual reason: made for the other C library. */
function otherLoader(tree: FileTree, interpreter: string): string {
  const names = ['/lib', '/lib64'].flatMap(
    directory => looking(() => tree.list(tree.resolve(directory))) ?? [],
  );
  const isMusl = interpreter.includes('musl');
  if (!isMusl && names.some(name => name.startsWith('ld-musl')))
    return ' (it was built for glibc, the image has musl)';
  if (isMusl && names.some(name => name.startsWith('ld-linux')))
    return ' (it was built for musl, the image has glibc)';
  return '';
}
