import { realpathSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { readWorkTree, type WorkTree } from '../source/work-tree.ts';
import { StagecraftError } from '../util/errors.ts';
import { isDirectory } from './context-directory.ts';
import { findDockerfile, isAddress } from './dockerfile-file.ts';
import type { BuildRequest } from './request.ts';
import type { BuildServices } from './services.ts';
import { Task, taskDigest } from './task.ts';

/** What provenance says of the context's commit, by BuildKit's names: `revision`, `source`, `localdir:context`. */
export type CommitFacts = Readonly<Record<string, string>>;

/** A request with the labels that its context's commit gives it. */
export interface CommittedRequest {
  readonly request: BuildRequest;
  readonly facts: CommitFacts;
}

const title = '[internal] read the commit of the context';

/** Asks Git for the commit of a context that is a directory, as far as the request wants to know. */
export async function withCommit(request: BuildRequest, services: BuildServices): Promise<CommittedRequest> {
  const { progress } = services.solver;
  return Task.run(progress, title, async () => {
    try {
      return await readCommit(request, services.solver.signal);
    } catch (error) {
      if (!(error instanceof StagecraftError)) throw error;
      // A build is no worse for it: buildx warns too.
      const [short, detail] = [error.message, error.hint ?? ''].map(text =>
        Buffer.from(text).toString('base64'),
      );
      progress({ warnings: [{ vertex: taskDigest(title), level: 1, short: short!, detail: [detail!] }] });
      return { request, facts: {} };
    }
  });
}

/** True where the commit would be told of somewhere. */
export function wantsCommit(request: BuildRequest): boolean {
  const { commit, attestations, metadataProvenance } = request;
  if (commit === undefined || !isDirectory(request.context)) return false;
  const isStated = attestations?.provenance !== undefined || metadataProvenance === 'max';
  return commit.labels || (commit.provenance && isStated);
}

async function readCommit(request: BuildRequest, signal: AbortSignal): Promise<CommittedRequest> {
  const { labels, provenance, checkDirty } = request.commit!;
  const tree = await readWorkTree(request.context, { checkDirty, env: process.env, signal });
  if (tree === undefined) return { request, facts: {} };
  return {
    // A label that somebody gave by hand is meant.
    request: labels ? { ...request, labels: { ...labelsOf(request, tree), ...request.labels } } : request,
    facts: provenance ? factsOf(request, tree) : {},
  };
}

function labelsOf(request: BuildRequest, { root, revision, remote }: WorkTree): Record<string, string> {
  const file = localDockerfile(request);
  const entry = file === undefined ? undefined : pathIn(root, file);
  return {
    ...(revision !== undefined && { 'org.opencontainers.image.revision': revision }),
    ...(remote !== undefined && { 'org.opencontainers.image.source': remote }),
    ...(entry !== undefined && { 'com.docker.image.source.entrypoint': entry }),
  };
}

function factsOf(request: BuildRequest, { root, revision, remote }: WorkTree): CommitFacts {
  const { context, namedContexts = {} } = request;
  const file = localDockerfile(request);
  const directories = Object.entries({
    ...namedContexts,
    context,
    ...(file !== undefined && { dockerfile: dirname(file) }),
  }).flatMap(([name, directory]): [string, string][] => {
    const path = isDirectory(directory) ? pathIn(root, directory) : undefined;
    return path === undefined ? [] : [[`localdir:${name}`, path || '.']];
  });
  return {
    ...Object.fromEntries(directories),
    ...(revision !== undefined && { revision }),
    ...(remote !== undefined && { source: remote }),
  };
}

function localDockerfile({ dockerfile, context }: BuildRequest): string | undefined {
  if (dockerfile === '-' || (dockerfile !== undefined && isAddress(dockerfile))) return undefined;
  return findDockerfile(dockerfile, context);
}

/** Where something lies below a directory; nothing for what lies elsewhere. */
function pathIn(root: string, path: string): string | undefined {
  try {
    const found = relative(root, realpathSync(resolve(path)));
    return found.startsWith('..') ? undefined : found;
  } catch {
    return undefined;
  }
}
