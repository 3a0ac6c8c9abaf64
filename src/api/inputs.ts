import type { FrontendRequest } from '../frontend/types.ts';
import { isDirectory, openDirectory } from './context-directory.ts';
import { isAddress, loadDockerfile } from './dockerfile-file.ts';
import type { FoundInputs } from './remote-inputs.ts';
import type { BuildRequest } from './request.ts';
import type { BuildServices } from './services.ts';
import { Task } from './task.ts';

/** What a build reads, as far as planning it goes. */
export type BuildInputs = Pick<
  FrontendRequest,
  'dockerfile' | 'ignorePatterns' | 'namedContexts' | 'remoteContext' | 'contextDate'
>;

/**
 * Reads the Dockerfile and what tells of the contexts, and remembers where these are; remote ones are fetched as far as
 * that takes. Standard input can be read once only: call it once in a build.
 * @throws NamespaceRequired before anything is read that could not be read again
 */
export async function readInputs(request: BuildRequest, services: BuildServices): Promise<BuildInputs> {
  const { sources, solver } = services;
  const { dockerfile, context, contextDate }: FoundInputs = isLocal(request)
    ? { dockerfile: await loadDockerfile(request, services), context: { directory: request.context } }
    : await (await import('./remote-inputs.ts')).findInputs(request, services);
  const { path, ...shown } = dockerfile;
  sources.texts.set(shown.name, shown.text);
  const namedContexts = await openNamed(request, services);
  if ('type' in context)
    return { dockerfile: shown, ignorePatterns: [], namedContexts, remoteContext: context, contextDate };
  const directory = await Task.run(solver.progress, '[internal] load .dockerignore', () =>
    openDirectory(context.directory, path),
  );
  sources.contexts.set('context', directory);
  return { dockerfile: shown, ignorePatterns: directory.ignorePatterns, namedContexts };
}

/** True for what is read most, a directory with a Dockerfile: what all else needs is not even loaded then. */
function isLocal({ context, dockerfile }: BuildRequest): boolean {
  return context !== '-' && isDirectory(context) && dockerfile !== '-' && !isAddress(dockerfile ?? '');
}

async function openNamed(
  { namedContexts = {} }: BuildRequest,
  { sources }: BuildServices,
): Promise<FrontendRequest['namedContexts']> {
  if (Object.keys(namedContexts).length === 0) return new Map();
  const { openNamedContexts } = await import('./named-contexts.ts');
  return openNamedContexts(namedContexts, sources);
}
