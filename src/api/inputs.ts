import { mkdirSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { ingestPath } from '../content/ingest.ts';
import { contextTree, downloadName, httpContext, parseGitContext } from '../frontend/contexts.ts';
import type { FrontendRequest, RemoteContext } from '../frontend/types.ts';
import type { FileTree } from '../snapshot/types.ts';
import { archiveStart, isArchive, receiveUpload } from '../source/upload.ts';
import { parseBoolean } from '../util/boolean.ts';
import { maskCredentials } from '../util/credentials.ts';
import { digestHex } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { checkDirectory, isDirectory, openDirectory } from './context-directory.ts';
import { findDockerfile, readDockerfileAt } from './dockerfile-file.ts';
import { openNamedContexts } from './named-contexts.ts';
import { holdsArchive, openArchive, openSource, readDockerfileIn } from './remote-context.ts';
import type { BuildRequest } from './request.ts';
import type { BuildServices } from './services.ts';
import { peekInput, readDockerfileStream } from './standard-input.ts';
import { Task } from './task.ts';

/** What a build reads, as far as planning it goes. */
export type BuildInputs = Pick<
  FrontendRequest,
  'dockerfile' | 'ignorePatterns' | 'namedContexts' | 'remoteContext'
>;

/** What the main context turned out to be. */
type MainContext =
  | { type: 'directory'; directory: string }
  /** Standard input held a Dockerfile and nothing else. */
  | { type: 'dockerfile'; text: Uint8Array }
  /** `dockerfile` is given where the context is itself the Dockerfile. */
  | { type: 'remote'; context: RemoteContext; tree: FileTree; dockerfile?: string };

/**
 * Reads the Dockerfile and what tells of the contexts, and remembers where these are; remote ones are fetched as far as
 * that takes. Standard input can be read once only: call it once in a build.
 * @throws NamespaceRequired before anything is read that could not be read again
 */
export async function readInputs(request: BuildRequest, services: BuildServices): Promise<BuildInputs> {
  if (request.context === '-' || request.dockerfile === '-') {
    if (request.context === request.dockerfile)
      throw new StagecraftError(
        'usage',
        'Standard input cannot be both the build context and the Dockerfile.',
        {
          hint: 'Give one of them another place: CONTEXT - with -f FILE, or -f - with a directory.',
        },
      );
    services.solver.beforeWork();
  }
  const main = await openMain(request, services);
  const { path, ...dockerfile } = await loadDockerfile(request, main, services);
  services.sources.texts.set(dockerfile.name, dockerfile.text);
  const local = await openLocal(main, path, services);
  return {
    dockerfile,
    ignorePatterns: local,
    namedContexts: openNamedContexts(request.namedContexts ?? {}, services.sources),
    ...(main.type === 'remote' && { remoteContext: main.context }),
  };
}

/** Docker's order: standard input, a directory, a Git repository, a download. */
async function openMain(request: BuildRequest, services: BuildServices): Promise<MainContext> {
  const { context: place } = request;
  if (place === '-') return readContextStream(request, services);
  if (isDirectory(place)) return { type: 'directory', directory: place };
  const ref = parseGitContext(place);
  if (ref !== undefined) {
    const context: RemoteContext = {
      type: 'git',
      address: place,
      ref,
      keepGitDir: parseBoolean(request.buildArgs?.BUILDKIT_CONTEXT_KEEP_GIT_DIR ?? ''),
      mtime: request.buildArgs?.SOURCE_DATE_EPOCH ? 'commit' : undefined,
    };
    return { type: 'remote', context, tree: await openSource(contextTree(context), services) };
  }
  if (/^https?:\/\//.test(place)) return openDownload(place, services);
  checkDirectory(place);
  return { type: 'directory', directory: place };
}

/** A tar archive, or the Dockerfile of a build without context. */
async function readContextStream(request: BuildRequest, services: BuildServices): Promise<MainContext> {
  const { sources, solver } = services;
  const { start, whole } = await peekInput(request.stdin ?? process.stdin, archiveStart, solver.signal);
  if (!isArchive(start)) {
    if (request.dockerfile !== undefined)
      throw new StagecraftError(
        'usage',
        `Standard input has a Dockerfile, and -f names another: ${maskCredentials(request.dockerfile)}.`,
        {
          hint: 'Leave -f out, or give a tar archive with the context on standard input.',
        },
      );
    return { type: 'dockerfile', text: await readDockerfileStream(whole, solver.signal) };
  }
  const upload = await Task.run(solver.progress, '[internal] read build context from standard input', task =>
    receiveUpload(temporary(services, 'upload'), downloadName, whole, {
      signal: solver.signal,
      status: (bytes, total) => task.status('transferring context', bytes, total),
    }),
  );
  const url = `http://buildkit-session/${digestHex(upload.digest)}`;
  sources.uploads.set(url, upload);
  const context: RemoteContext = { type: 'http', url, archive: true };
  return { type: 'remote', context, tree: await openArchive(context, 'on standard input', services) };
}

async function openDownload(url: string, services: BuildServices): Promise<MainContext> {
  const tree = await openSource(httpContext(url), services);
  const context: RemoteContext = { type: 'http', url, archive: holdsArchive(tree) };
  if (!context.archive) return { type: 'remote', context, tree, dockerfile: downloadName };
  return { type: 'remote', context, tree: await openArchive(context, maskCredentials(url), services) };
}

/** The Dockerfile; `path` where it is a file of this machine, beside which an ignore file may lie. */
async function loadDockerfile(
  request: BuildRequest,
  main: MainContext,
  services: BuildServices,
): Promise<{ text: Uint8Array; name: string; path?: string }> {
  const { dockerfile, context } = request;
  const { progress } = services.solver;
  const named = (name: string) => `[internal] load build definition from ${name}`;
  if (main.type === 'dockerfile') return { text: main.text, name: 'Dockerfile' };
  if (dockerfile === '-')
    return Task.run(progress, named('Dockerfile'), async () => ({
      text: await readDockerfileStream(request.stdin ?? process.stdin, services.solver.signal),
      name: 'Dockerfile',
    }));
  if (dockerfile !== undefined && /^https?:\/\//.test(dockerfile)) {
    const tree = await openSource(
      httpContext(dockerfile, `[internal] load ${maskCredentials(dockerfile)}`),
      services,
    );
    const { text } = readDockerfileIn(tree, downloadName, maskCredentials(dockerfile));
    return { text, name: 'Dockerfile' };
  }
  if (main.type === 'remote' && !(dockerfile !== undefined && isAbsolute(dockerfile))) {
    const shown = context === '-' ? 'on standard input' : maskCredentials(context);
    return readDockerfileIn(main.tree, main.dockerfile ?? dockerfile ?? 'Dockerfile', shown);
  }
  const path = main.type === 'remote' ? dockerfile! : findDockerfile(dockerfile, main.directory);
  return Task.run(progress, named(dockerfile === undefined ? 'Dockerfile' : path), () =>
    readDockerfileAt(path),
  );
}

/** Has the main context served, where it is a directory of this machine; returns what of it is left out. */
async function openLocal(
  main: MainContext,
  dockerfile: string | undefined,
  services: BuildServices,
): Promise<string[]> {
  const { contexts } = services.sources;
  if (main.type === 'remote') return [];
  if (main.type === 'dockerfile') {
    contexts.set('context', { directory: temporary(services, 'empty'), ignorePatterns: [] });
    return [];
  }
  const context = await Task.run(services.solver.progress, '[internal] load .dockerignore', () =>
    openDirectory(main.directory, dockerfile),
  );
  contexts.set('context', context);
  return context.ignorePatterns;
}

/** A new directory that goes when the build ends, or, after a crash, with the next collection. */
function temporary({ sources }: BuildServices, kind: string): string {
  const directory = ingestPath(sources.store.root, kind);
  mkdirSync(directory, { mode: 0o700 });
  sources.temporary.push(directory);
  return directory;
}
