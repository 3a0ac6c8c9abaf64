import { posix } from 'node:path';
import { formatPlatform, normalizePlatform } from '../image/platform.ts';
import { familiarName, normalizeReference } from '../image/reference.ts';
import type { Platform } from '../image/types.ts';
import { deferred, file, git, http, local, type Output, type ResolvedOutput } from '../llb/index.ts';
import { maskCredentials } from '../util/credentials.ts';
import { type GitRef, parseGitRef } from './git-ref.ts';
import type { FrontendRequest, NamedContext, RemoteContext } from './types.ts';

/**
 * The build context as one source for all instructions that read from it. Which paths of a directory those are is
 * known only when all are planned, hence the function.
 */
export function mainContext(request: FrontendRequest, paths: () => Iterable<string>): Output {
  if (request.remoteContext !== undefined) return contextTree(request.remoteContext);
  return deferred(() =>
    local(
      'context',
      {
        excludePatterns: request.ignorePatterns,
        sharedKeyHint: 'context',
        followPaths: followPaths(paths()),
      },
      { name: '[internal] load build context' },
    ),
  );
}

/** A build context that is not a directory of the client. Like BuildKit, it knows no ignore file. */
export function contextTree(context: RemoteContext): ResolvedOutput {
  if (context.type === 'git') return gitContext(context);
  const download = httpContext(context.url);
  return context.archive
    ? file(
        undefined,
        [{ do: 'copy', from: download, src: `/${downloadName}`, dest: '/', attemptUnpack: true }],
        { name: '[internal] unpack build context' },
      )
    : download;
}

/** The name of a download in its directory. */
export const downloadName = 'context';

/** The download that is a context or has it in an archive: a directory with one file, {@link downloadName}. */
export function httpContext(url: string, name = '[internal] load remote build context'): ResolvedOutput {
  return http(url, { filename: downloadName }, { name });
}

function gitContext(context: RemoteContext & { type: 'git' }): ResolvedOutput {
  const { address, ref } = context;
  return git(
    {
      ...ref,
      keepGitDir: ref.keepGitDir || context.keepGitDir,
      skipSubmodules: ref.submodules === false,
      mtime: ref.mtime ?? context.mtime,
    },
    { name: `[internal] load git source ${maskCredentials(address)}` },
  );
}

/**
 * The repository that a build context names. Beyond what ADD takes there is `github.com/OWNER/NAME`.
 * @throws StagecraftError `usage` as {@link parseGitRef}
 */
export function parseGitContext(text: string): GitRef | undefined {
  if (/^\.\.?\//.test(text)) return undefined;
  if (!text.startsWith('github.com/')) return parseGitRef(text);
  const ref = parseGitRef(`git://${text}`);
  return ref && { ...ref, remote: ref.remote.replace(/^git:/, 'https:') };
}

/** What `--build-context` gives in place of a stage or an image and is no image itself. */
export function namedTree(
  name: string,
  context: Exclude<NamedContext, { type: 'image' | 'oci-layout' }>,
  paths: () => Iterable<string>,
): Output {
  if (context.type === 'git') return gitContext(context);
  if (context.type === 'http')
    return httpContext(context.url, `[context ${name}] ${maskCredentials(context.url)}`);
  return deferred(() =>
    local(
      context.name,
      {
        excludePatterns: context.ignorePatterns,
        sharedKeyHint: `context:${name}`,
        followPaths: followPaths(paths()),
      },
      { name: `[context ${name}] load from client` },
    ),
  );
}

/** Relative to the context and sorted; none, which means all, where the whole context is read. */
function followPaths(paths: Iterable<string>): string[] {
  const all = new Set(paths);
  if (all.has('/')) return [];
  return [...all].map(path => path.slice(1)).sort();
}

/** A path of the context as an instruction names it, from the context's root. */
export function contextPath(path: string): string {
  return posix.resolve('/', path);
}

/**
 * The named context that stands in for this stage or image: `NAME::linux/arm64` for one platform goes before `NAME`.
 * `scratch` and `context` mean what they always mean.
 */
export function findContext(
  request: FrontendRequest,
  name: string,
  platform: Platform,
): { name: string; context: NamedContext } | undefined {
  if (request.namedContexts.size === 0 || /^(scratch|context)$/i.test(name)) return undefined;
  const plain = contextName(name);
  if (plain === undefined) return undefined;
  const suffix = formatPlatform(normalizePlatform(platform));
  for (const candidate of [`${plain}::${suffix}`, plain]) {
    const context = request.namedContexts.get(candidate);
    if (context !== undefined) return { name: candidate, context };
  }
  return undefined;
}

/** The name in the form in which contexts are given; nothing for a stage whose name could be no image's. */
export function contextName(name: string): string | undefined {
  try {
    return familiarName(normalizeReference(name)).replace(/:latest$/, '');
  } catch {
    return undefined;
  }
}
