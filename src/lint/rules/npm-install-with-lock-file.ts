import { posix } from 'node:path';
import { contextCopies, contextFileAt } from '../context-copies.ts';
import { npmWords } from '../installations.ts';
import { ownPage } from '../pages.ts';
import type { RunCommand, RunStep } from '../run-commands.ts';
import type { ShellWord } from '../shell-commands.ts';
import { lineageOf, reachedStages, runsOf } from '../stages.ts';
import type { PlanSubject, Rule } from '../types.ts';

const name = 'NpmInstallWithLockFile';

/** `npm install` where the lock file would allow `npm ci`. */
export const npmInstallWithLockFile: Rule<PlanSubject> = {
  name,
  description: 'With a lock file "npm ci" installs just what it says, or fails',
  url: ownPage(name),
  level: 'advice',
  async check(subject, report) {
    for (const run of await runsOf(subject, reachedStages(subject), /\bnpm\s/)) {
      let cwd = run.known.cwd;
      for (const command of run.commands) {
        cwd = directoryAfter(command, cwd);
        const install = bareInstall(command);
        if (install === undefined) continue;
        const lock = lockFile(subject, run, cwd);
        if (lock === undefined) continue;
        const edit = command.edit(install, 'ci');
        const mayReplace = command.words.every(
          ({ text }) =>
            !text.startsWith('-') ||
            /^--(?:omit|include|production|only|legacy-peer-deps|ignore-scripts|no-audit|no-fund|no-progress|audit=false|fund=false|loglevel|silent|quiet|prefer-offline|unsafe-perm|registry)\b|^-[sdq]$/.test(
              text,
            ),
        );
        report({
          message: `"npm ${install.text}" may install other versions than ${lock} says; "npm ci" keeps to it`,
          range: command.range({ start: command.words[0]!.start, end: install.end }),
          fix: edit && mayReplace ? { title: 'Use npm ci', edits: [edit] } : undefined,
        });
      }
    }
  },
};

/** Where the commands behind a `cd` run. */
export function directoryAfter({ name, words }: RunCommand, cwd: string): string {
  const to = words[1];
  return name === 'cd' && to?.isPlain ? posix.resolve(cwd, to.text) : cwd;
}

/** The word `install` of an `npm install` that names no packages and keeps to the lock file's place. */
function bareInstall(command: RunCommand): ShellWord | undefined {
  const { name, words } = command;
  if (name !== 'npm') return undefined;
  const [action, ...others] = npmWords(command);
  if (action === undefined || !/^(?:i|in|ins|inst|insta|instal|install|add)$/.test(action.text))
    return undefined;
  const flags = words.map(({ text }) => text);
  if (
    flags.some(flag =>
      /^(?:-g|--global|--location=global|--no-package-lock|--package-lock-only|--package-lock=false|--prefix.*|-C|--workspace.*|-w)$/.test(
        flag,
      ),
    )
  )
    return undefined;
  return others.length === 0 ? action : undefined;
}

/** The lock file that is there when the command runs. */
function lockFile(
  { context }: PlanSubject,
  { stage, step, known }: RunStep,
  cwd: string,
): string | undefined {
  if (context === undefined) return undefined;
  const steps = lineageOf(stage);
  const copies = contextCopies(steps).filter(
    copy => copy.stage !== stage || isBefore(stage, copy.step, step),
  );
  for (const file of ['npm-shrinkwrap.json', 'package-lock.json']) {
    const found = contextFileAt(context, copies, posix.join(cwd, file));
    if (found !== undefined) return file;
    const mounted = known.mounts.find(
      mount => mount.type === 'bind' && !mount.from && posix.basename(mount.target) === file,
    );
    if (mounted !== undefined) return file;
  }
  return undefined;
}

function isBefore(stage: RunStep['stage'], step: RunStep['step'], other: RunStep['step']): boolean {
  return stage.steps.indexOf(step) < stage.steps.indexOf(other);
}
