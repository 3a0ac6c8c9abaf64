import { StagecraftError } from '../util/errors.ts';
import type { Git } from './git-command.ts';

/** The first version that takes all its settings from the environment, so that no other file counts. */
export const oldestGit = '2.32';

/** Search paths whose git is known to be recent enough. */
const known = new Set<string>();

/**
 * Makes sure that git obeys what keeps it apart from the user's configuration.
 * @throws StagecraftError `unsupported` for one that is too old, or where there is none
 */
export async function requireGit(git: Git, path = ''): Promise<void> {
  if (known.has(path)) return;
  const said = (await git.run('version')).trim();
  if (!isRecent(said))
    throw new StagecraftError('unsupported', `The ${said} on this machine is too old to read repositories.`, {
      hint: `Install git ${oldestGit} or later.`,
    });
  known.add(path);
}

/** @param said what `git version` prints: `git version 2.39.5` */
export function isRecent(said: string): boolean {
  const numbers = (text: string): [number, number] => {
    const [, major, minor] = /(\d+)\.(\d+)/.exec(text) ?? [];
    return [Number(major ?? 0), Number(minor ?? 0)];
  };
  const [major, minor] = numbers(said);
  const [oldMajor, oldMinor] = numbers(oldestGit);
  return major > oldMajor || (major === oldMajor && minor >= oldMinor);
}
