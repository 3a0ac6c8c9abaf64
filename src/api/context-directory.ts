import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseIgnoreFile } from '../dockerfile/ignore.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';

/** A directory that the build reads, and what of it is left out. */
export interface ContextDirectory {
  /** Absolute. */
  directory: string;
  ignorePatterns: string[];
}

/** True where there is a directory; such a one goes before any other meaning of its name. */
export function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    // An address may be no path at all, being too long for one.
    return false;
  }
}

/**
 * A directory with its ignore file: `NAME.dockerignore` beside the Dockerfile goes before `.dockerignore` in its root.
 * @throws StagecraftError `not-found` where there is no such directory; `dockerfile` where a pattern is wrong
 */
export function openDirectory(directory: string, dockerfile?: string): ContextDirectory {
  checkDirectory(directory);
  const candidates = [
    ...(dockerfile === undefined ? [] : [`${dockerfile}.dockerignore`]),
    join(directory, '.dockerignore'),
  ];
  const file = candidates.find(path => existsSync(path));
  const ignorePatterns = file === undefined ? [] : parseIgnoreFile(readFileSync(file), file);
  return { directory: resolve(directory), ignorePatterns };
}

/** @throws StagecraftError `not-found` */
export function checkDirectory(directory: string): void {
  try {
    if (statSync(directory).isDirectory()) return;
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
    throw new StagecraftError('not-found', `The build context ${directory} does not exist.`, {
      hint: /^[a-z+]+:\/\//i.test(directory)
        ? 'A context is a directory, a Git repository (https://HOST/PATH.git, git@HOST:PATH, git:// or ssh://), an http:// or https:// address, or - for standard input.'
        : undefined,
      cause: error,
    });
  }
  throw new StagecraftError('not-found', `The build context ${directory} is not a directory.`);
}
