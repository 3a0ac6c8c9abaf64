import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { findProgram } from './needs.ts';
import type { Content, Files } from './workspace.ts';

/**
 * Programs of this machine with the libraries that they need, as files of a build context below a directory: for
 * steps that want a real tool, where there is no registry to take an image from. `COPY DIRECTORY /` puts them in place.
 */
export function hostPrograms(directory: string, names: readonly string[]): Files {
  const files: Record<string, Content> = {};
  for (const name of names) {
    const program = findProgram(name)!;
    files[`${directory}/usr/bin/${name}`] = { content: readFileSync(program), mode: 0o755 };
    for (const library of librariesOf(program))
      files[`${directory}${library}`] = { content: readFileSync(library), mode: 0o755 };
  }
  return files;
}

/** The paths that ldd(1) prints, the dynamic loader among them. */
function librariesOf(program: string): string[] {
  const { stdout } = spawnSync('ldd', [program], { encoding: 'utf8' });
  return [...stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].map(([, path]) => path!);
}
