import { closeSync } from 'node:fs';
import { type Extent, readSections } from '../../files/elf.ts';
import { looking, readAt } from '../../files/read.ts';
import type { FileTree } from '../../snapshot/types.ts';
import type { Binary } from './libraries.ts';

/** What can be told of a program made by Go, also of a stripped one: its linker leaves the names of all functions in. */
export interface GoProgram {
  /** True if a function of this name, or whose name starts so, is in it: `net/http.(*Client).do`. */
  hasFunction(name: string): boolean;
  /** True if the text is, or is a part of, one of its constants. */
  hasConstant(text: string): boolean;
}

/** How much is read of a program at a time; texts across two such steps are found up to this length. */
const step = 2 << 20;
const overlap = 256;
/** What is searched at most. */
const most = 256 << 20;

/** The file as a program of Go's; nothing if it is none, or keeps it to itself. */
export function openGoProgram(tree: FileTree, { path }: Binary): GoProgram | undefined {
  const sections = looking(() => {
    const fd = tree.open(path);
    try {
      return readSections(fd);
    } finally {
      closeSync(fd);
    }
  });
  if (sections?.has('.go.buildinfo') !== true) return undefined;
  // Position independent programs have the table among what is relocated.
  const functions = ['.gopclntab', '.data.rel.ro.gopclntab', '.data.rel.ro'].flatMap(
    name => sections.get(name) ?? [],
  )[0];
  const constants = sections.get('.rodata');
  return {
    hasFunction: name => functions !== undefined && search(tree, path, functions, `\0${name}`),
    hasConstant: text => constants !== undefined && search(tree, path, constants, text),
  };
}

function search(tree: FileTree, path: string, { offset, size }: Extent, text: string): boolean {
  const found = looking(() => {
    const fd = tree.open(path);
    try {
      for (let at = 0; at < Math.min(size, most); at += step) {
        const bytes = readAt(fd, offset + at, Math.min(step + overlap, size - at));
        if (bytes.length === 0) return false;
        if (bytes.includes(text, 0, 'latin1')) return true;
      }
      return false;
    } finally {
      closeSync(fd);
    }
  });
  return found ?? false;
}
