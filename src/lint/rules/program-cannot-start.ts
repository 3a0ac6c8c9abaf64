import { commandOf } from '../image/programs.ts';
import { whatIsMissing } from '../image/starting.ts';
import { ownPage } from '../pages.ts';
import { lastOf, placeOfFrom } from '../stages.ts';
import type { ImageSubject, Rule } from '../types.ts';

const name = 'ProgramCannotStart';

/** The program of the image, or of its health check, lacks its file, loader, libraries or interpreter. */
export const programCannotStart: Rule<ImageSubject> = {
  name,
  description: 'The image should have all that its program needs to start',
  url: ownPage(name),
  level: 'warning',
  async check(subject, report) {
    const { config, target, tree } = subject;
    const container = config.config ?? {};
    if (config.os !== 'linux') return;
    const words = commandOf(container);
    const missing = await troubleOf(subject, words);
    const { kind, range } = placeOfCommand(subject);
    if (missing !== undefined)
      report({ message: `${kind} cannot be started in this image: ${missing}`, range });
    const test = container.Healthcheck?.Test ?? [];
    if (test[0] !== 'CMD' && test[0] !== 'CMD-SHELL') return;
    const checked =
      test[0] === 'CMD' ? test.slice(1) : [...(container.Shell ?? ['/bin/sh', '-c']), ...test.slice(1)];
    const trouble =
      whatIsMissing(tree, container, config.architecture, checked) ?? (await shellTrouble(subject, checked));
    if (trouble !== undefined)
      report({
        message: `HEALTHCHECK cannot be carried out in this image: ${trouble}`,
        range: lastOf(target, 'HEALTHCHECK')?.instruction.range ?? placeOfFrom(target),
      });
  },
};

async function troubleOf(subject: ImageSubject, words: readonly string[]): Promise<string | undefined> {
  const { config, tree } = subject;
  const missing = whatIsMissing(tree, config.config ?? {}, config.architecture, words);
  if (missing === undefined) return shellTrouble(subject, words);
  const isShellForm = words[0] === '/bin/sh' && words[1] === '-c' && missing === 'there is no /bin/sh';
  return isShellForm ? `there is no /bin/sh, which the shell form needs` : missing;
}

/** A shell is there; whether what it is told to run is, can be told where all of that is plain names. */
async function shellTrouble(
  { config, tree }: ImageSubject,
  words: readonly string[],
): Promise<string | undefined> {
  const { baseName, isShell, shellCommands } = await import('../shell-commands.ts');
  const flag = words.findIndex(word => /^-[a-z]*c$/.test(word));
  if (!isShell(words[0] ?? '') || flag < 0) return undefined;
  const container = config.config ?? {};
  const programs = shellCommands(words[flag + 1] ?? '').filter(({ name }) => !builtins.test(name));
  if (
    programs.length === 0 ||
    programs.some(({ words: [program], isNested }) => isNested || !program!.isPlain)
  )
    return undefined;
  const troubles = programs.map(({ words: [program] }) => {
    const name = program!.text;
    // A shell runs a text without #! itself, and busybox has what it has no file for.
    if (hasOwn(tree, baseName(name))) return undefined;
    return whatIsMissing(tree, container, config.architecture, [name]);
  });
  // Of several programs, one may be there to stand in for another.
  return troubles.every(trouble => trouble !== undefined && !/text without/.test(trouble))
    ? troubles[0]
    : undefined;
}

const builtins =
  /^(?:\.|:|\[|\[\[|alias|bg|break|cd|command|continue|declare|echo|eval|exec|exit|export|false|fg|getopts|hash|jobs|kill|let|local|printf|pwd|read|readonly|return|set|shift|source|test|time|times|trap|true|type|typeset|ulimit|umask|unalias|unset|wait|if|then|else|fi|for|while|do|done|case|esac)$/;

function hasOwn(tree: ImageSubject['tree'], program: string): boolean {
  if (program.includes('/')) return false;
  try {
    return /busybox/.test(tree.resolve('/bin/sh'));
  } catch {
    return false;
  }
}

/** The instruction that says what is started. */
export function placeOfCommand({ target }: ImageSubject) {
  const step = lastOf(target, 'ENTRYPOINT') ?? lastOf(target, 'CMD');
  if (step === undefined) return { kind: 'The program of its base', range: placeOfFrom(target) };
  return { kind: step.instruction.kind as string, range: step.instruction.range };
}
