import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { parseIgnoreFile } from '../dockerfile/ignore.ts';
import type { FrontendRequest, NamedContext } from '../frontend/types.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';
import type { BuildRequest } from './request.ts';
import type { BuildServices } from './services.ts';
import { Task } from './task.ts';

/** What a build reads, as far as planning it goes. */
export type BuildInputs = Pick<FrontendRequest, 'dockerfile' | 'ignorePatterns' | 'namedContexts'>;

/** Reads the Dockerfile and what tells of the contexts, and remembers where these are. Call it once in a build. */
export async function readInputs(request: BuildRequest, { sources }: BuildServices): Promise<BuildInputs> {
  const progress = request.onProgress ?? (() => {});
  const { text, name, path } = await Task.run(
    progress,
    '[internal] load build definition from Dockerfile',
    () => readDockerfile(request),
  );
  const context = await Task.run(progress, '[internal] load .dockerignore', () =>
    openContext(request.context, path),
  );
  sources.contexts.set('context', context);
  return {
    dockerfile: { text, name },
    ignorePatterns: context.ignorePatterns,
    namedContexts: namedContextsOf(request, sources.contexts),
  };
}

function namedContextsOf(
  request: BuildRequest,
  contexts: Map<string, ContextInput>,
): Map<string, NamedContext> {
  const named = new Map<string, NamedContext>();
  for (const [name, place] of Object.entries(request.namedContexts ?? {})) {
    if (place.startsWith('docker-image://')) {
      named.set(name, { type: 'image', ref: place.slice('docker-image://'.length) });
      continue;
    }
    const context = openContext(place);
    contexts.set(name, context);
    named.set(name, { type: 'local', name, ignorePatterns: context.ignorePatterns });
  }
  return named;
}

/** A directory that the build reads, and what of it is left out. */
export interface ContextInput {
  /** Absolute. */
  directory: string;
  ignorePatterns: string[];
}

export interface DockerfileInput {
  text: Uint8Array;
  /** As shown in messages. */
  name: string;
  /** Where it lies; nothing for standard input. */
  path?: string;
}

/** @throws StagecraftError `not-found` */
export function readDockerfile(request: BuildRequest): DockerfileInput {
  checkDirectory(request.context);
  if (request.dockerfile === '-') return { text: readFileSync(0), name: 'Dockerfile' };
  const path =
    request.dockerfile === undefined ? join(request.context, 'Dockerfile') : findDockerfile(request);
  try {
    return { text: readFileSync(path), name: shownName(path), path };
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES')) throw error;
    const reason = isErrno(error, 'EISDIR')
      ? 'is a directory'
      : isErrno(error, 'EACCES')
        ? 'is not readable'
        : 'does not exist';
    throw new StagecraftError('not-found', `The Dockerfile ${path} ${reason}.`, {
      hint: 'Name it with -f, or run the build in the directory that has it.',
      cause: error,
    });
  }
}

/** `-f` is a path from here, as in Docker; what lies in the context only is found there too. */
function findDockerfile({ dockerfile = 'Dockerfile', context }: BuildRequest): string {
  return existsSync(dockerfile)
    ? dockerfile
    : existsSync(join(context, dockerfile))
      ? join(context, dockerfile)
      : dockerfile;
}

function shownName(path: string): string {
  const shown = relative(process.cwd(), resolve(path));
  return shown.startsWith('..') ? basename(path) : shown;
}

/**
 * The build context and its ignore file: `NAME.dockerignore` beside the Dockerfile goes before `.dockerignore` in the
 * context's root.
 * @throws StagecraftError `not-found` where there is no such directory
 */
export function openContext(directory: string, dockerfile?: string): ContextInput {
  checkDirectory(directory);
  const candidates = [
    ...(dockerfile === undefined ? [] : [`${dockerfile}.dockerignore`]),
    join(directory, '.dockerignore'),
  ];
  const file = candidates.find(path => existsSync(path));
  const ignorePatterns = file === undefined ? [] : parseIgnoreFile(readFileSync(file), file);
  return { directory: resolve(directory), ignorePatterns };
}

function checkDirectory(directory: string): void {
  try {
    if (statSync(directory).isDirectory()) return;
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
    if (/^([a-z+]+:\/\/|git@)/i.test(directory))
      throw new StagecraftError('unsupported', `The build context ${directory} cannot be read yet.`, {
        hint: 'Clone or unpack it into a directory, and name that.',
      });
    throw new StagecraftError('not-found', `The build context ${directory} does not exist.`, {
      cause: error,
    });
  }
  throw new StagecraftError('not-found', `The build context ${directory} is not a directory.`);
}
