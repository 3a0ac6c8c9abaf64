import type { Mount } from '../../dockerfile/types.ts';
import { ownPage } from '../pages.ts';
import type { RunCommand, RunStep } from '../run-commands.ts';
import { lineageOf, runsOf } from '../stages.ts';
import type { Fix, PlanSubject, Rule } from '../types.ts';
import { actionAt } from './apt-install-recommends.ts';

const name = 'AptListsLeft';
const lists = '/var/lib/apt/lists';

/** `apt-get update` in the final image whose package lists stay in the layer. */
export const aptListsLeft: Rule<PlanSubject> = {
  name,
  description: 'Package lists should be removed in the RUN that fetched them',
  url: ownPage(name),
  level: 'advice',
  async check(subject, report) {
    for (const step of await runsOf(subject, lineageOf(subject.target), /\bapt(?:-get)?\b/)) {
      const { commands, known } = step;
      const update = commands.find(command => isApt(command) && actionOf(command) === 'update');
      if (update === undefined || commands.some(isCleanUp) || known.mounts.some(holds)) continue;
      report({
        message: `"${update.name} update" leaves the package lists in the layer; remove ${lists} in the same RUN`,
        range: update.range({ start: update.words[0]!.start, end: update.words[actionAt(update)]!.end }),
        fix: fixOf(step),
      });
    }
  },
};

function isApt({ name }: RunCommand): boolean {
  return name === 'apt-get' || name === 'apt';
}

function actionOf(command: RunCommand): string | undefined {
  return command.words[actionAt(command)]?.text;
}

/** `rm -rf /var/lib/apt/lists/*`, or more than that; `apt-get distclean`. */
function isCleanUp(command: RunCommand): boolean {
  if (isApt(command)) return /^dist-?clean$/.test(actionOf(command) ?? '');
  if (!/^(?:rm|find)$/.test(command.name)) return false;
  return command.words.some(({ text }) => isWithin(lists, text.replace(/[*?[{].*/s, '').replace(/\/$/, '')));
}

/** True for a mount in which the lists are not part of the layer. */
function holds({ type, target }: Mount): boolean {
  return (type === 'cache' || type === 'tmpfs') && isWithin(lists, target.replace(/\/+$/, ''));
}

function isWithin(path: string, directory: string): boolean {
  return (
    directory.startsWith('/') && directory !== '/' && (path === directory || path.startsWith(`${directory}/`))
  );
}

/** Right behind the last command of apt's: what comes later does not need the lists. */
function fixOf({ commands }: RunStep): Fix | undefined {
  const last = commands.findLast(isApt);
  if (last === undefined) return undefined;
  const edit = last.edit({ start: last.end, end: last.end }, ` && rm -rf ${lists}/*`);
  return edit && { title: `Remove ${lists} in the same RUN`, edits: [edit] };
}
