import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { isErrno, StagecraftError } from '../util/errors.ts';
import type { BuildRequest } from './request.ts';
import type { BuildServices } from './services.ts';
import { Task } from './task.ts';

/** A Dockerfile of this machine. */
export interface DockerfileFile {
  text: Uint8Array;
  /** As shown in messages. */
  name: string;
  path: string;
}

/** True for what is fetched from the web instead. */
export function isAddress(text: string): boolean {
  return /^https?:\/\//.test(text);
}

/** A Dockerfile of this machine, as progress tells of it. @throws StagecraftError `not-found` */
export function loadDockerfile(
  { dockerfile, context }: BuildRequest,
  { solver }: BuildServices,
): Promise<DockerfileFile> {
  const path = findDockerfile(dockerfile, context);
  const name = dockerfile === undefined ? 'Dockerfile' : path;
  return Task.run(solver.progress, `[internal] load build definition from ${name}`, () =>
    readDockerfileAt(path),
  );
}

/** @throws StagecraftError `not-found` */
export function readDockerfileAt(path: string): DockerfileFile {
  const found = lowerCased(path);
  try {
    return { text: readFileSync(found), name: shownName(found), path: found };
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES')) throw error;
    const reason = isErrno(error, 'EISDIR')
      ? 'is a directory'
      : isErrno(error, 'EACCES')
        ? 'is not readable'
        : 'does not exist';
    throw new StagecraftError('not-found', `The Dockerfile ${found} ${reason}.`, {
      hint: 'Name it with -f, or run the build in the directory that has it.',
      cause: error,
    });
  }
}

/** `-f` is a path from here, as in Docker; what lies in the context only is found there too. */
export function findDockerfile(dockerfile: string | undefined, context: string): string {
  if (dockerfile === undefined) return join(context, 'Dockerfile');
  return !existsSync(dockerfile) && existsSync(join(context, dockerfile))
    ? join(context, dockerfile)
    : dockerfile;
}

/** Where there is no `Dockerfile`, Docker takes a `dockerfile`. */
function lowerCased(path: string): string {
  if (basename(path) !== 'Dockerfile' || existsSync(path)) return path;
  try {
    const names = readdirSync(dirname(path));
    return names.includes('dockerfile') && !names.includes('Dockerfile')
      ? join(dirname(path), 'dockerfile')
      : path;
  } catch {
    return path;
  }
}

function shownName(path: string): string {
  const shown = relative(process.cwd(), resolve(path));
  return shown.startsWith('..') ? basename(path) : shown;
}
