import { ownPage } from '../pages.ts';
import type { RunCommand } from '../run-commands.ts';
import { lineageOf, runsOf, stepsOf } from '../stages.ts';
import type { PlanSubject, Rule } from '../types.ts';

const name = 'AptInstallRecommends';

/** `apt-get install` into the final image without `--no-install-recommends`. */
export const aptInstallRecommends: Rule<PlanSubject> = {
  name,
  description: 'Packages that others merely recommend should stay out of the final image',
  url: ownPage(name),
  level: 'advice',
  async check(subject, report) {
    const lineage = lineageOf(subject.target);
    const runs = await runsOf(subject, lineage, /\bapt(?:-get)?\b/);
    if (runs.length === 0 || isConfigured(subject)) return;
    for (const { commands } of runs) {
      for (const command of commands) {
        const install = installWord(command);
        if (install === undefined || command.words.some(({ text }) => decides.test(text))) continue;
        const edit = command.edit({ start: install.end, end: install.end }, ' --no-install-recommends');
        report({
          message: `"${command.name} install" also installs what the packages merely recommend; --no-install-recommends leaves it out`,
          range: command.range({ start: command.words[0]!.start, end: install.end }),
          fix: edit && { title: 'Add --no-install-recommends', edits: [edit] },
        });
      }
    }
  },
};

/** The flag, the option behind it, or its opposite where somebody decided for it. */
const decides =
  /^--(?:no-)?install-recommends|APT::Install-Recommends|^--(?:download-only|print-uris|simulate|dry-run)$|^-[a-z]*s[a-z]*$/;

/** The word `install` of an `apt-get install` that names packages. */
export function installWord(command: RunCommand) {
  if (command.name !== 'apt-get' && command.name !== 'apt') return undefined;
  const at = actionAt(command);
  const word = command.words[at];
  const names = command.words.slice(at + 1).some(({ text }) => !text.startsWith('-'));
  return word?.text === 'install' && names ? word : undefined;
}

/** Which word says what apt is to do: the first that is no option and no option's value. */
export function actionAt({ words }: RunCommand): number {
  let at = 1;
  for (; at < words.length; at++) {
    const { text } = words[at]!;
    if (
      /^(?:-[a-z]*[otca]|--(?:option|target-release|default-release|config-file|host-architecture))$/.test(
        text,
      )
    )
      at++;
    else if (!text.startsWith('-')) break;
  }
  return at;
}

/** An apt configuration written by an instruction of the final image may say it once for all. */
function isConfigured(subject: PlanSubject): boolean {
  return stepsOf(lineageOf(subject.target)).some(({ instruction }) => {
    const texts = [instruction.original];
    if ('heredocs' in instruction) texts.push(...instruction.heredocs.map(({ raw }) => raw));
    return texts.some(text =>
      /APT::Install-Recommends\s*(?:=\s*)?"?(?:false|0|no)\b/i.test(text.replaceAll('\\', '')),
    );
  });
}
