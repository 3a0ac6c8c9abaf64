import { posix } from 'node:path';
import { caps } from './caps.ts';
import type { FileActionKind, Owner } from './ops.ts';
import { metadataOf, outputsOf, type ResolvedOutput, type Tree, type VertexOptions } from './vertex.ts';

/**
 * One action on a tree. Paths are absolute; owners given by name are looked up in the tree that is changed. Times are
 * nanoseconds since the epoch: of what is made, where given, else the time of making.
 */
export type FileChange =
  | ({ do: 'mkdir'; path: string; mode: number; parents?: boolean } & Made)
  | ({ do: 'mkfile'; path: string; mode: number; data: Uint8Array } & Made)
  | ({ do: 'symlink'; oldPath: string; newPath: string } & Made)
  | { do: 'rm'; path: string; allowNotFound?: boolean; allowWildcard?: boolean }
  | ({ do: 'copy' } & CopySpec & Made);

interface Made {
  owner?: OwnerSpec | undefined;
  timestamp?: bigint | undefined;
}

/** Numbers are ids, texts are names. */
export interface OwnerSpec {
  user?: number | string | undefined;
  group?: number | string | undefined;
}

export interface CopySpec {
  from: Tree;
  src: string;
  /** A trailing `/` or `/.` says that it is a directory. */
  dest: string;
  /** Octal bits, or a symbolic mode such as `u+x`; as in the source if absent. */
  mode?: number | string | undefined;
  followSymlinks?: boolean;
  dirContentsOnly?: boolean;
  attemptUnpack?: boolean;
  createDestPath?: boolean;
  allowWildcard?: boolean;
  allowEmptyWildcard?: boolean;
  includePatterns?: readonly string[];
  excludePatterns?: readonly string[];
  requiredPaths?: readonly string[];
  alwaysReplace?: boolean;
}

/** Does the changes one after another, as one operation: one layer. */
export function file(
  base: Tree,
  changes: readonly FileChange[],
  options: VertexOptions = {},
): ResolvedOutput {
  const { platform: _, ...anyPlatform } = options;
  return {
    index: 0,
    vertex: {
      inputs: outputsOf(base, ...changes.map(change => (change.do === 'copy' ? change.from : undefined))),
      build: table => {
        const root = table.index(base);
        const trees = changes.map(change => (change.do === 'copy' ? table.index(change.from) : -1));
        return {
          kind: 'file',
          actions: changes.map((change, i) => ({
            input: i === 0 ? root : table.size + i - 1,
            secondaryInput: trees[i] as number,
            output: i === changes.length - 1 ? 0 : -1,
            action: action(change, root),
          })),
        };
      },
      metadata: metadataOf(anyPlatform, features(changes)),
    },
  };
}

function action(change: FileChange, root: number): FileActionKind {
  if (change.do === 'rm') {
    return {
      kind: 'rm',
      path: cleanPath(change.path),
      allowNotFound: change.allowNotFound ?? false,
      allowWildcard: change.allowWildcard ?? false,
    };
  }
  const made = {
    ...(change.owner !== undefined && { owner: ownerOf(change.owner, root) }),
    timestamp: change.timestamp ?? -1n,
  };
  switch (change.do) {
    case 'mkdir':
      return {
        kind: 'mkdir',
        path: cleanPath(change.path),
        mode: change.mode & 0o777,
        makeParents: change.parents ?? false,
        ...made,
      };
    case 'mkfile':
      return {
        kind: 'mkfile',
        path: cleanPath(change.path),
        mode: change.mode & 0o777,
        data: change.data,
        ...made,
      };
    case 'symlink':
      return { kind: 'symlink', oldPath: change.oldPath, newPath: change.newPath, ...made };
    case 'copy': {
      const symbolic = typeof change.mode === 'string';
      return {
        kind: 'copy',
        src: cleanPath(change.src),
        dest: cleanPath(change.dest, true),
        mode: symbolic ? 0 : ((change.mode as number | undefined) ?? -1),
        modeText: symbolic ? (change.mode as string) : '',
        followSymlink: change.followSymlinks ?? false,
        dirCopyContents: change.dirContentsOnly ?? false,
        attemptUnpack: change.attemptUnpack ?? false,
        createDestPath: change.createDestPath ?? false,
        allowWildcard: change.allowWildcard ?? false,
        allowEmptyWildcard: change.allowEmptyWildcard ?? false,
        includePatterns: [...(change.includePatterns ?? [])],
        excludePatterns: [...(change.excludePatterns ?? [])],
        requiredPaths: [...(change.requiredPaths ?? [])],
        alwaysReplaceExistingDestPaths: change.alwaysReplace ?? false,
        ...made,
      };
    }
  }
}

/** Absolute and without `.`, `..` or doubled slashes, but with what says that it names a directory, if that counts. */
export function cleanPath(path: string, keepSlash = false): string {
  const clean = posix.resolve('/', path);
  if (!keepSlash) return clean;
  if (path.endsWith('/') && clean !== '/') return `${clean}/`;
  if (path.endsWith('/.')) return clean === '/' ? '/.' : `${clean}/.`;
  return clean;
}

function ownerOf(owner: OwnerSpec, root: number): Owner {
  const id = (one: number | string) =>
    typeof one === 'number' ? { byId: one } : { byName: { name: one, input: root } };
  return {
    ...(owner.user !== undefined && { user: id(owner.user) }),
    ...(owner.group !== undefined && { group: id(owner.group) }),
  };
}

function features(changes: readonly FileChange[]): string[] {
  const used: string[] = [caps.fileBase];
  for (const change of changes) {
    if (change.do === 'symlink') used.push(caps.fileSymlinkCreate);
    if (change.do !== 'copy') continue;
    if (change.includePatterns?.length || change.excludePatterns?.length) {
      used.push(caps.fileCopyIncludeExcludePatterns);
    }
    if (change.requiredPaths?.length) used.push(caps.fileCopyRequiredPaths);
    if (change.alwaysReplace) used.push(caps.fileCopyAlwaysReplace);
    if (typeof change.mode === 'string') used.push(caps.fileCopyModeString);
  }
  return used;
}
