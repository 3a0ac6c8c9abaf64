import { posix } from 'node:path';
import { formatPlatform, normalizePlatform } from '../image/platform.ts';
import { familiarName, normalizeReference } from '../image/reference.ts';
import type { Platform } from '../image/types.ts';
import { deferred, local, type Output } from '../llb/index.ts';
import type { FrontendRequest, NamedContext } from './types.ts';

/**
 * The build context as one source for all instructions that read from it. Which paths those are is known only when
 * all are planned, hence the function.
 */
export function mainContext(request: FrontendRequest, paths: () => Iterable<string>): Output {
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

/** A directory given by `--build-context NAME=DIR`. */
export function localContext(
  title: string,
  context: NamedContext & { type: 'local' },
  paths: () => Iterable<string>,
): Output {
  return deferred(() =>
    local(
      context.name,
      {
        excludePatterns: context.ignorePatterns,
        sharedKeyHint: `context:${title}`,
        followPaths: followPaths(paths()),
      },
      { name: `[context ${title}] load from client` },
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
function contextName(name: string): string | undefined {
  try {
    return familiarName(normalizeReference(name)).replace(/:latest$/, '');
  } catch {
    return undefined;
  }
}
