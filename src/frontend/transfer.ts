import { posix } from 'node:path';
import type { AddInstruction, CopyInstruction } from '../dockerfile/types.ts';
import { type CopySpec, type FileChange, file, git, http, merge, type Tree } from '../llb/index.ts';
import { isDigest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { contextPath } from './contexts.ts';
import { type GitRef, parseGitRef } from './git-ref.ts';
import { addHistory } from './history.ts';
import { parseMode } from './mode.ts';
import { parseOwner } from './owner.ts';
import { type Planner, platformFor } from './planner.ts';
import type { StagePlan } from './stage-plan.ts';
import { stepName } from './step-name.ts';
import { fromWindows } from './windows-path.ts';

type Transfer = AddInstruction | CopyInstruction;

/**
 * COPY and ADD: one operation with an action for each source, on top of the stage's files; with `--link` on an empty
 * tree that is then merged on top, so that it does not depend on what is below.
 * @param from the stage or image of `--from`
 * @param shown the instruction as progress shows it
 */
export function planTransfer(
  planner: Planner,
  stage: StagePlan,
  instruction: Transfer,
  from: StagePlan | undefined,
  shown: () => string,
): void {
  const platform = platformFor(planner, stage);
  const text = shown();
  const place = { shown: planner.request.multiPlatform ?? false, of: platform, env: stage.env };
  const name = stepName(stage, text, place);
  const changes = changesOf(planner, stage, instruction, from, name);
  const options = {
    name,
    range: instruction.range,
    ...(stage.ignoreCache && { ignoreCache: true }),
  };
  if (instruction.link && !instruction.chmod) {
    // A display shows the two as one; the merge is shown only if it is all there is to do.
    const group = { id: `${stage.index}/${instruction.range.start.line} ${name}`, name };
    const layer = file(undefined, changes, { ...options, progressGroup: { ...group, weak: true } });
    stage.tree = merge([stage.tree, layer], {
      ...options,
      name: stepName(stage, `LINK ${text}`, place, true),
      progressGroup: { ...group, weak: false },
    });
  } else {
    stage.tree = file(stage.tree, changes, options);
  }
  addHistory(planner, stage, `${historyText(instruction)} # buildkit`, true);
}

function historyText(instruction: Transfer): string {
  const words: string[] = [instruction.kind];
  if (instruction.kind === 'COPY' && instruction.parents) words.push('--parents');
  if (instruction.chown) words.push(`--chown=${instruction.chown}`);
  if (instruction.chmod) words.push(`--chmod=${instruction.chmod}`);
  words.push(...instruction.sources);
  for (const inline of instruction.inlineFiles) words.push(`<<${inline.name}`);
  return [...words, instruction.destination].join(' ');
}

function changesOf(
  planner: Planner,
  stage: StagePlan,
  instruction: Transfer,
  from: StagePlan | undefined,
  name: string,
): FileChange[] {
  const common = {
    dest: destinationOf(stage, instruction.destination),
    createDestPath: true,
    ...(instruction.chown && { owner: parseOwner(instruction.chown) }),
    ...(instruction.chmod && { mode: parseMode(instruction.chmod) }),
    ...(instruction.exclude.length > 0 && { excludePatterns: instruction.exclude }),
  };
  checkChecksum(instruction);
  const changes: FileChange[] = instruction.sources.map(source => ({
    do: 'copy',
    ...common,
    ...(remoteSource(instruction, source, name) ?? localSource(planner, stage, instruction, source, from)),
  }));
  for (const inline of instruction.inlineFiles) {
    const data = inline.bytes ?? Buffer.from(inline.content);
    const tree = file(undefined, [{ do: 'mkfile', path: inline.name, mode: 0o644, data }], {
      name: '[internal] preparing inline document',
    });
    changes.push({ do: 'copy', ...common, from: tree, src: inline.name });
  }
  return changes;
}

interface CommonCopy {
  from: Tree;
  src: string;
}

/** A repository or a download, which only ADD takes; nothing for a path. */
function remoteSource(
  instruction: Transfer,
  source: string,
  name: string,
): (CommonCopy & Pick<CopySpec, 'attemptUnpack'>) | undefined {
  const repository = parseGitRef(source);
  const download = /^https?:\/\//.test(source);
  if (repository === undefined && !download) return undefined;
  if (instruction.kind === 'COPY') {
    throw new StagecraftError('dockerfile', `COPY cannot take ${source} from the network.`, {
      hint: 'ADD can.',
    });
  }
  if (repository !== undefined) return { from: repositoryTree(instruction, repository, name), src: '/' };
  const filename = nameInUrl(source);
  const { checksum } = instruction;
  if (checksum && !isDigest(checksum)) {
    throw new StagecraftError('dockerfile', `ADD --checksum of a download cannot be "${checksum}".`, {
      hint: 'Write the SHA-256 of the file: --checksum=sha256:<64 hexadecimal digits>.',
    });
  }
  const from = http(source, { filename, checksum }, { name, range: instruction.range });
  return { from, src: filename, ...(instruction.unpack && { attemptUnpack: true }) };
}

function nameInUrl(url: string): string {
  let path = /^https?:\/\/[^/?#]*([^?#]*)/.exec(url)?.[1] ?? '';
  try {
    path = decodeURIComponent(path);
  } catch {
    // A stray percent sign is a part of the name.
  }
  return posix.basename(path) || '__unnamed__';
}

function repositoryTree(instruction: AddInstruction, repository: GitRef, name: string): Tree {
  const agreed = <T>(what: string, flag: T | undefined, query: T | undefined): T | undefined => {
    if (flag !== undefined && query !== undefined && flag !== query) {
      throw new StagecraftError(
        'dockerfile',
        `ADD ${what}=${flag} contradicts the address, which says ${query}.`,
      );
    }
    return query ?? flag;
  };
  return git(
    {
      ...repository,
      // Only a context keeps the times of its commit.
      mtime: undefined,
      keepGitDir: agreed('--keep-git-dir', instruction.keepGitDir, repository.keepGitDir),
      checksum: agreed('--checksum', instruction.checksum || undefined, repository.checksum),
      skipSubmodules: repository.submodules === false,
    },
    { name, range: instruction.range },
  );
}

/** A path in the build context, a stage or an image. */
function localSource(
  planner: Planner,
  stage: StagePlan,
  instruction: Transfer,
  source: string,
  from: StagePlan | undefined,
): CommonCopy & Partial<CopySpec> {
  if (from === undefined) {
    stage.contextPaths.add(contextPath(source));
    warnOutside(planner, instruction, source);
  } else {
    from.usedPaths.add(contextPath(source));
  }
  const unpack = instruction.kind === 'ADD' ? (instruction.unpack ?? true) : false;
  return {
    from: from === undefined ? planner.context : from.tree,
    src: stage.platform?.os === 'windows' ? fromWindows(source) : source,
    ...(instruction.kind === 'COPY' && instruction.parents && parentsOf(source)),
    followSymlinks: true,
    dirContentsOnly: true,
    attemptUnpack: unpack,
    allowWildcard: true,
    allowEmptyWildcard: true,
  };
}

/**
 * `--parents` copies the root, or what is before a pivot `/./`, restricted to the path. A path without wildcards must
 * be there.
 */
function parentsOf(source: string): Pick<CopySpec, 'src' | 'includePatterns' | 'requiredPaths'> {
  const pivot = source.indexOf('/./');
  const root = pivot < 0 ? '/' : source.slice(0, pivot);
  const pattern = pivot < 0 ? source : source.slice(pivot + 3);
  const absolute = posix.isAbsolute(pattern) ? pattern : posix.resolve('/', pattern);
  const whole = posix.resolve('/', `${root}/${absolute}`);
  const exact = !hasWildcards(root) && !hasWildcards(absolute);
  return {
    src: root,
    includePatterns: [absolute.replace(/^\//, '')],
    ...(exact && { requiredPaths: [whole] }),
  };
}

function hasWildcards(path: string): boolean {
  return /[*?[]/.test(path.replace(/\\./gs, ''));
}

/** As Docker does, a path that climbs out of the context stays at its root, which is seldom what is meant. */
function warnOutside(planner: Planner, instruction: Transfer, source: string): void {
  if (!/^(?:\.\/+)*\.\.(?:\/|$)/.test(posix.normalize(source))) return;
  planner.warnings.add(
    'CopyOutsideContext',
    `${instruction.kind} source "${source}" climbs out of the build context and is read as "${contextPath(source)}" within it`,
    instruction.range,
  );
}

function checkChecksum(instruction: Transfer): void {
  if (instruction.kind !== 'ADD' || !instruction.checksum) return;
  const [source, ...more] = instruction.sources;
  const remote = source !== undefined && (/^https?:\/\//.test(source) || parseGitRef(source) !== undefined);
  if (more.length > 0 || !remote) {
    throw new StagecraftError(
      'dockerfile',
      'ADD --checksum needs one source, a download or a Git repository.',
    );
  }
}

/** Where it goes, from the working directory; a trailing slash, which says that it is a directory, is kept. */
function destinationOf(stage: StagePlan, asWritten: string): string {
  const destination = stage.platform?.os === 'windows' ? fromWindows(asWritten) : asWritten;
  if (posix.isAbsolute(destination)) return destination;
  const written = destination === '' || destination === '.' ? './' : destination;
  const path = posix.join('/', stage.cwd, written);
  if (written.endsWith('/')) return path.endsWith('/') ? path : `${path}/`;
  if (written.endsWith('/.')) return path === '/' ? '/.' : `${path}/.`;
  return path;
}
