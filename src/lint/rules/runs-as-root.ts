import { ownPage } from '../pages.ts';
import { lastOf, lineageOf, placeOfFrom, stepsOf } from '../stages.ts';
import type { PlanSubject, Rule } from '../types.ts';

const name = 'RunsAsRoot';

/** The image's program runs as root. */
export const runsAsRoot: Rule<PlanSubject> = {
  name,
  description: 'The program of an image should not run as root',
  url: ownPage(name),
  level: 'advice',
  check(subject, report) {
    const { target, result } = subject;
    const last = lastOf(target, 'USER');
    // Without a USER of its own it runs as whom the base says.
    if (last === undefined && !target.isBaseKnown) return;
    const { User: user = '', Entrypoint: entrypoint = [], Cmd: command = [] } = result.config.config ?? {};
    if (!/^(?:root|0)?(?::|$)/.test(user) || entrypoint.length + command.length === 0) return;
    if (dropsPrivileges(subject, [...entrypoint, ...command])) return;
    report({
      message:
        user === ''
          ? 'The image runs as root: no USER says otherwise'
          : `The image runs as root: its last USER is "${user}"`,
      range: last?.instruction.range ?? placeOfFrom(target),
    });
  },
};

const droppers = /\b(?:gosu|su-exec|setpriv|s6-setuidgid|chpst|runuser|setuidgid)\b/;

/** Programs that start as root in order to become somebody else. */
function dropsPrivileges({ target }: PlanSubject, program: readonly string[]): boolean {
  if (
    program.some(word => droppers.test(word) || /(?:^|\/)(?:s6-svscan|supervisord|init|systemd)$/.test(word))
  )
    return true;
  return stepsOf(lineageOf(target)).some(({ instruction }) => {
    const texts = [instruction.original];
    if ('heredocs' in instruction) texts.push(...instruction.heredocs.map(({ raw }) => raw));
    return texts.some(text => droppers.test(text));
  });
}
