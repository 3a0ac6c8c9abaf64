import { posix } from 'node:path';
import { looking, readHead } from '../../files/read.ts';
import type { ContainerConfig } from '../../image/types.ts';
import type { FileTree } from '../../snapshot/types.ts';
import { type ByteString, bytesFromText, textFromBytes } from '../../util/bytes.ts';
import { type Binary, openBinary } from './libraries.ts';

/** A program that an image starts: as it is named, and the file. */
export interface Program {
  /** For messages: `/app`, `node`. */
  readonly name: string;
  /** Free of symlinks. */
  readonly path: ByteString;
}

/** What a file is to the kernel that is asked to start it. */
export type Kind =
  | { readonly kind: 'elf'; readonly binary: Binary }
  /** `#!`: the interpreter and, in one piece, its arguments; empty if there are none. */
  | {
      readonly kind: 'script';
      readonly interpreter: string;
      readonly argument: string;
      readonly line: string;
    }
  /** A text that no shell is named for, which cannot be started without one. */
  | { readonly kind: 'text' }
  | { readonly kind: 'other' };

/** The words of the image's command: ENTRYPOINT, and CMD behind it. */
export function commandOf(config: ContainerConfig): string[] {
  return [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
}

/** The value of an environment variable of the image. */
export function variableOf({ Env = [] }: ContainerConfig, name: string): string | undefined {
  return Env.findLast(entry => entry.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** The file that a program's name stands for; nothing if there is none. Names without a slash are searched in PATH. */
export function findProgram(tree: FileTree, config: ContainerConfig, name: string): Program | undefined {
  const directories = name.includes('/')
    ? ['']
    : (variableOf(config, 'PATH') ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin').split(
        ':',
      );
  for (const directory of directories) {
    const path = posix.resolve('/', config.WorkingDir ?? '/', directory, name);
    const place = looking(() => tree.resolve(bytesFromText(path)));
    if (place !== undefined && looking(() => tree.lstat(place))?.type === 'file')
      return { name, path: place };
  }
  return undefined;
}

/** Reads what kind of program a file is from its first bytes. */
export function kindOf(tree: FileTree, path: ByteString): Kind {
  const binary = openBinary(tree, path);
  if (binary !== undefined) return { kind: 'elf', binary };
  const head = readHead(tree, path, 512) ?? Buffer.alloc(0);
  if (head.toString('latin1', 0, 2) === '#!') {
    const line = head.toString('latin1', 2).split('\n')[0]!;
    const [, interpreter = '', argument = ''] = /^[ \t]*([^ \t]*)[ \t]*(.*)$/.exec(line) ?? [];
    return { kind: 'script', interpreter, argument, line };
  }
  const isText =
    head.length > 0 && !head.includes(0) && /^[\t\n\r\x20-\x7e]{1,64}/.test(head.toString('latin1', 0, 64));
  return { kind: isText ? 'text' : 'other' };
}

/** Programs that only start another one: from which word on. */
const wrappers: Readonly<Record<string, RegExp>> = {
  tini: /^-[pe]$/,
  'tini-static': /^-[pe]$/,
  'docker-init': /^-[pe]$/,
  'dumb-init': /^-r$/,
  catatonit: /^$/,
  env: /^-[uC]$/,
  nice: /^-n$/,
  nohup: /^$/,
};

/** The command that a wrapper such as tini starts; nothing where it is no wrapper, or that is not to be seen. */
export function wrappedCommand(words: readonly string[]): string[] | undefined {
  const name = posix.basename(words[0] ?? '');
  const valued = Object.hasOwn(wrappers, name) ? wrappers[name]! : undefined;
  if (valued === undefined) return undefined;
  let at = 1;
  for (; at < words.length; at++) {
    const word = words[at]!;
    if (word === '--') return words.slice(at + 1);
    if (word.startsWith('-')) at += valued.test(word) ? 1 : 0;
    else if (!(name === 'env' && word.includes('='))) break;
  }
  return words.slice(at);
}

/** How a path is shown. */
export function shown(path: ByteString): string {
  return textFromBytes(path);
}
