import { posix } from 'node:path';
import { looking } from '../../files/read.ts';
import type { FileTree } from '../../snapshot/types.ts';
import { textFromBytes } from '../../util/bytes.ts';
import {
  type ContextCopy,
  contextCopies,
  contextFileAt,
  localSources,
  sourcePaths,
} from '../context-copies.ts';
import { type Installation, installationOf } from '../installations.ts';
import { ownPage } from '../pages.ts';
import type { RunCommand, RunStep } from '../run-commands.ts';
import { lineageOf, reachedStages, runsOf } from '../stages.ts';
import type { PlanSubject, Rule } from '../types.ts';
import { directoryAfter } from './npm-install-with-lock-file.ts';

const name = 'InstallAfterSourceCopy';

/** Dependencies are installed after the sources were copied, so again whenever any of them changes. */
export const installAfterSourceCopy: Rule<PlanSubject> = {
  name,
  description:
    'Dependencies should be installed before the sources are copied, from the files that name them',
  url: ownPage(name),
  level: 'advice',
  async check(subject, report) {
    const runs = await runsOf(
      subject,
      reachedStages(subject),
      /\b(?:npm|yarn|pnpm|bun|pip|go|bundle|composer|cargo|mvn|mvnw|dotnet|poetry|uv|mix)\b/,
    );
    /** What each stage has installed already, when its sources were not there. */
    const early = new Set<string>();
    for (const run of runs) {
      let cwd = run.known.cwd;
      for (const command of run.commands) {
        cwd = directoryAfter(command, cwd);
        const installation = installationOf(command);
        if (installation === undefined) continue;
        const before = copiesBefore(run);
        const broad = before.find(copy => isBroad(subject.context, copy, installation));
        const keys = lineageOf(run.stage).map(stage => `${stage.index} ${installation.tool}`);
        if (broad === undefined) early.add(keys.at(-1)!);
        else if (
          !keys.some(key => early.has(key)) &&
          needsNoSources(subject, run, command, installation, before, cwd)
        )
          report({ message: messageOf(installation, broad), range: command.range() });
      }
    }
  },
};

function messageOf({ shown, manifests }: Installation, { step }: ContextCopy): string {
  const { original, range } = step.instruction;
  return `"${shown}" runs again whenever any source changes, because "${original}" at line ${range.start.line} comes before it; copy ${manifests} first, install, then copy the rest`;
}

function copiesBefore({ stage, step }: RunStep): ContextCopy[] {
  const at = stage.steps.indexOf(step);
  return contextCopies(lineageOf(stage)).filter(
    copy => copy.stage !== stage || stage.steps.indexOf(copy.step) < at,
  );
}

/** True for a copy of all of the context, or of a directory of sources, that brings more than the install reads. */
function isBroad(context: FileTree | undefined, copy: ContextCopy, { reads }: Installation): boolean {
  const whole = localSources(copy.instruction).some(source => /^\/\*{0,2}$/.test(source));
  if (!whole)
    return localSources(copy.instruction).some(
      source =>
        /^\/(?:src|app|lib|cmd|pkg|internal|source|sources)$/.test(source) && isDirectory(context, source),
    );
  if (context === undefined) return true;
  return sourcePaths(context, copy).some(path => {
    if (looking(() => context.lstat(path))?.type !== 'directory')
      return !reads.test(textFromBytes(posix.basename(path)));
    return (looking(() => context.list(path)) ?? []).some(name => !reads.test(textFromBytes(name)));
  });
}

function isDirectory(context: FileTree | undefined, path: string): boolean {
  return context !== undefined && looking(() => context.lstat(path))?.type === 'directory';
}

/** As far as one can tell from the files that it reads. */
function needsNoSources(
  { context }: PlanSubject,
  { known }: RunStep,
  command: RunCommand,
  installation: Installation,
  copies: readonly ContextCopy[],
  cwd: string,
): boolean {
  // What was downloaded is kept: installing again costs little.
  if (known.mounts.some(({ type }) => type === 'cache')) return false;
  if (context === undefined) return true;
  const main = posix.resolve(cwd, installation.main);
  const file = contextFileAt(context, copies, main);
  // A list that was made on the way, or is somewhere else, may be made from the sources.
  return file !== undefined && installation.isSelfContained(context, file, command);
}
