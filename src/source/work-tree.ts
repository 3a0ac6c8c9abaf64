import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { maskCredentials } from '../util/credentials.ts';
import { StagecraftError } from '../util/errors.ts';

/** What Git tells of a directory that somebody works in. */
export interface WorkTree {
  /** Its top directory, absolute and without symlinks. */
  readonly root: string;
  /** The commit; with `-dirty` where that was asked for and files differ from it. None before the first commit. */
  readonly revision?: string;
  /** Where it is pushed to, without credentials. */
  readonly remote?: string;
}

export interface WorkTreeOptions {
  /** Compares all files with the commit. */
  readonly checkDirty: boolean;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

/** No program that a repository's own configuration names may start. */
const settings = ['-c', 'core.fsmonitor=false', '-c', 'log.showSignature=false', '-c', 'core.pager=cat'];

/** What a hook of Git finds in its environment speaks of another repository than the one of a directory. */
const misleading = ['GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE', 'GIT_PREFIX'];

/**
 * Finds the Git work tree around a directory; nothing where there is none. Unlike remote repositories it is read with
 * the user's own configuration, which says whose directories Git may trust.
 * @throws StagecraftError `unsupported` where there is a repository that cannot be read
 */
export async function readWorkTree(
  directory: string,
  { checkDirty, env, signal }: WorkTreeOptions,
): Promise<WorkTree | undefined> {
  const environment = { ...env, LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0' };
  for (const name of misleading) delete (environment as NodeJS.ProcessEnv)[name];
  const git = async (...args: readonly string[]): Promise<string> => {
    const options = { cwd: directory, env: environment, signal, maxBuffer: 1 << 28 };
    const { stdout } = await promisify(execFile)('git', [...settings, ...args], options);
    return stdout.trimEnd();
  };
  const tryGit = async (...args: readonly string[]): Promise<string> => {
    try {
      return await git(...args);
    } catch {
      signal.throwIfAborted();
      return '';
    }
  };
  let root: string;
  try {
    root = await git('rev-parse', '--show-toplevel');
  } catch (error) {
    signal.throwIfAborted();
    if (!existsSync(join(directory, '.git'))) return undefined;
    throw unreadable(directory, error);
  }
  const commit = await tryGit('rev-parse', '--quiet', '--verify', 'HEAD^{commit}');
  const isDirty = checkDirty && commit !== '' && (await tryGit('status', '--porcelain', '--ignored')) !== '';
  const remote = await remoteOf(tryGit);
  return {
    root,
    ...(commit !== '' && { revision: isDirty ? `${commit}-dirty` : commit }),
    ...(remote !== '' && { remote: maskCredentials(remote) }),
  };
}

/** The remote that the branch follows, else `origin`, else `upstream`: the order of buildx. */
async function remoteOf(tryGit: (...args: readonly string[]) => Promise<string>): Promise<string> {
  const branch = await tryGit('symbolic-ref', '--quiet', 'HEAD');
  const followed = branch && (await tryGit('for-each-ref', '--format=%(upstream:remotename)', branch));
  for (const name of new Set([followed, 'origin', 'upstream'])) {
    const address = name && (await tryGit('remote', 'get-url', name));
    if (address) return address.split('\n', 1)[0]!;
  }
  return '';
}

function unreadable(directory: string, cause: unknown): StagecraftError {
  const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
  const { stderr = '' } = cause as { stderr?: string };
  const [reason = ''] = stderr.replace(/^fatal: /, '').split('\n', 1);
  return new StagecraftError(
    'unsupported',
    isMissing
      ? `The commit of ${directory} is not known: the program git is not installed.`
      : `The commit of ${directory} is not known: ${reason}.`,
    { hint: 'Set BUILDX_GIT_INFO=0 to leave it out.', cause },
  );
}
