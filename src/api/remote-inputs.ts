import { mkdirSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { ingestPath } from '../content/ingest.ts';
import { contextTree, downloadName, httpContext, parseGitContext } from '../frontend/contexts.ts';
import type { RemoteContext } from '../frontend/types.ts';
import { marshal, unmarshal } from '../llb/index.ts';
import type { FileTree } from '../snapshot/types.ts';
import { archiveStart, isArchive, receiveUpload } from '../source/upload.ts';
import { parseBoolean } from '../util/boolean.ts';
import { bytesFromText } from '../util/bytes.ts';
import { maskCredentials } from '../util/credentials.ts';
import { digestHex } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { commitDate, downloadDate, newestDate } from './context-date.ts';
import { checkDirectory, isDirectory } from './context-directory.ts';
import { isAddress, loadDockerfile } from './dockerfile-file.ts';
import { holdsArchive, openArchive, openSource, readDockerfileIn } from './remote-context.ts';
import type { BuildRequest } from './request.ts';
import type { BuildServices } from './services.ts';
import { peekInput, readDockerfileStream } from './standard-input.ts';
import { Task } from './task.ts';

/** A Dockerfile with its context: a directory of this machine, or a remote one. */
export interface FoundInputs {
  /** With `path` where it is a file of this machine, beside which an ignore file may lie. */
  dockerfile: { text: Uint8Array; name: string; path?: string };
  context: { directory: string } | RemoteContext;
  /** Seconds since the epoch: what `SOURCE_DATE_EPOCH=context` means. */
  contextDate?: () => number | undefined;
}

/** What the main context turned out to be. */
type MainContext =
  | { directory: string }
  /** Standard input held a Dockerfile and nothing else. */
  | { directory: string; text: Uint8Array }
  | RemoteMain;

interface RemoteMain {
  remote: RemoteContext;
  tree: FileTree;
  /** The Dockerfile, where the context is nothing else. */
  file?: string;
  /** When it was made, if that is known. */
  date: () => number | undefined;
}

/** A Dockerfile and a context of which one at least is no file of this machine. */
export async function findInputs(request: BuildRequest, services: BuildServices): Promise<FoundInputs> {
  if (request.context === '-' || request.dockerfile === '-') {
    if (request.context === request.dockerfile)
      throw new StagecraftError(
        'usage',
        'Standard input cannot be both the build context and the Dockerfile.',
        {
          hint: 'Give one of them another place: CONTEXT - with -f FILE, or -f - with a directory.',
        },
      );
    // An ordinary user's build starts again in a user namespace, where what was read here would be missing.
    services.solver.beforeWork();
  }
  const main = await openMain(request, services);
  if ('remote' in main) warnOfIgnoreFile(main, services);
  const context = 'remote' in main ? main.remote : { directory: main.directory };
  const dockerfile = await findDockerfile(request, main, services);
  return { dockerfile, context, ...('remote' in main && { contextDate: main.date }) };
}

/** In a directory it counts, so that whoever wrote it may think that it does here. */
function warnOfIgnoreFile({ remote, tree }: RemoteMain, { solver }: BuildServices): void {
  if (tree.lstat(bytesFromText('/.dockerignore')) === undefined) return;
  const short = 'The .dockerignore of this build context has no effect.';
  const detail =
    'As in Docker it counts in directories of this machine only. Clone or unpack the context to use it.';
  const { digest } = unmarshal(marshal(contextTree(remote))).target!;
  const [message, more] = [short, detail].map(text => Buffer.from(text).toString('base64'));
  solver.progress({ warnings: [{ vertex: digest, level: 1, short: message!, detail: [more!] }] });
}

/** Docker's order: standard input, a directory, a Git repository, a download. */
async function openMain(request: BuildRequest, services: BuildServices): Promise<MainContext> {
  const { context: place, buildArgs = {} } = request;
  if (place === '-') return readContextStream(request, services);
  if (isDirectory(place)) return { directory: place };
  const ref = parseGitContext(place);
  if (ref !== undefined) {
    const remote: RemoteContext = {
      type: 'git',
      address: place,
      ref,
      keepGitDir: parseBoolean(buildArgs.BUILDKIT_CONTEXT_KEEP_GIT_DIR ?? ''),
      mtime: buildArgs.SOURCE_DATE_EPOCH ? 'commit' : undefined,
    };
    const tree = await openSource(contextTree(remote), services);
    return { remote, tree, date: () => commitDate(tree) };
  }
  if (isAddress(place)) return openDownload(place, services);
  checkDirectory(place);
  return { directory: place };
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
    const text = await readDockerfileStream(whole, solver.signal);
    return { directory: temporary(services, 'empty'), text };
  }
  const upload = await Task.run(solver.progress, '[internal] read build context from standard input', task =>
    receiveUpload(temporary(services, 'upload'), downloadName, whole, {
      signal: solver.signal,
      status: (bytes, total) => task.status('transferring context', bytes, total),
    }),
  );
  const url = `http://buildkit-session/${digestHex(upload.digest)}`;
  sources.uploads.set(url, upload);
  const remote = { type: 'http', url, archive: true } as const;
  const tree = await openArchive(remote, 'on standard input', services);
  return { remote, tree, date: () => newestDate(tree) };
}

async function openDownload(url: string, services: BuildServices): Promise<MainContext> {
  const download = await openSource(httpContext(url), services);
  const remote = { type: 'http', url, archive: holdsArchive(download) } as const;
  if (!remote.archive)
    return { remote, tree: download, file: downloadName, date: () => downloadDate(download) };
  const tree = await openArchive(remote, maskCredentials(url), services);
  return { remote, tree, date: () => downloadDate(download) ?? newestDate(tree) };
}

async function findDockerfile(
  request: BuildRequest,
  main: MainContext,
  services: BuildServices,
): Promise<FoundInputs['dockerfile']> {
  const { dockerfile, context } = request;
  const { progress, signal } = services.solver;
  const name = 'Dockerfile';
  if ('text' in main) return { text: main.text, name };
  if (dockerfile === '-')
    return Task.run(progress, `[internal] load build definition from ${name}`, async () => ({
      text: await readDockerfileStream(request.stdin ?? process.stdin, signal),
      name,
    }));
  if (dockerfile !== undefined && isAddress(dockerfile)) {
    const shown = maskCredentials(dockerfile);
    const tree = await openSource(httpContext(dockerfile, `[internal] load ${shown}`), services);
    return { ...readDockerfileIn(tree, downloadName, shown), name };
  }
  if (!('remote' in main) || isAbsolute(dockerfile ?? '')) return loadDockerfile(request, services);
  const shown = context === '-' ? 'on standard input' : maskCredentials(context);
  return readDockerfileIn(main.tree, main.file ?? dockerfile ?? name, shown);
}

/** A new directory that goes when the build ends, or, after a crash, with the next collection. */
function temporary({ sources }: BuildServices, kind: string): string {
  const directory = ingestPath(sources.store.root, kind);
  mkdirSync(directory, { mode: 0o700 });
  sources.temporary.push(directory);
  return directory;
}
