import { execFile } from 'node:child_process';
import type { Check } from '../sandbox/check.ts';
import { examineMachine as examineForSteps } from '../sandbox/doctor.ts';
import { isRecent, oldestGit } from '../source/git-version.ts';

export type { Check } from '../sandbox/check.ts';
export { defaultStoreRoot } from '../store/store.ts';

/** Looks at what this machine offers for builds with the store at `storeRoot`. */
export async function examineMachine(storeRoot: string): Promise<Check[]> {
  const [checks, git] = await Promise.all([examineForSteps(storeRoot), checkGit()]);
  return [...checks, git];
}

/** Only builds that read repositories need it. */
async function checkGit(): Promise<Check> {
  const name = 'git';
  const said = await new Promise<string>(resolve => {
    execFile('git', ['version'], (_, stdout) => resolve(stdout.trim()));
  });
  if (isRecent(said)) return { name, status: 'ok', found: said };
  const advice = `Install git ${oldestGit} or later: ADD and contexts read Git repositories with it.`;
  return { name, status: 'warn', found: said || 'not installed', advice };
}
