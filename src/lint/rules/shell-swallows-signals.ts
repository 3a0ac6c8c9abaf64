import type { CmdInstruction, EntrypointInstruction } from '../../dockerfile/types.ts';
import { ownPage } from '../pages.ts';
import { replacement } from '../places.ts';
import { placesOfText } from '../shell-places.ts';
import { type FileStep, lastOf } from '../stages.ts';
import type { Fix, PlanSubject, Rule } from '../types.ts';

const name = 'ShellSwallowsSignals';

/**
 * A shell is the container's first process, and keeps the signals that should stop the program. BuildKit's
 * JSONArgsRecommended advises against every shell form; this looks at what the image really starts, whether that is
 * a shell form, `sh -c` in exec form or inherited from a stage, and is content with `exec` and with an init in SHELL.
 */
export const shellSwallowsSignals: Rule<PlanSubject> = {
  name,
  description: 'The first process of a container should be the program, not a shell that keeps its signals',
  url: ownPage(name),
  level: 'advice',
  async check(subject, report) {
    const started = startOf(subject);
    const text = started && (await shellText(started));
    if (started === undefined || text === undefined) return;
    const { finalCommand } = await import('../shell-commands.ts');
    const final = finalCommand(text);
    if (final?.isExec || (final === undefined && /(?:^|[\s;&])exec\s/.test(text))) return;
    const { kind } = started.instruction;
    report({
      message: `${kind} starts a shell, which keeps SIGTERM from the program: a stop waits, then kills; ${
        final === undefined
          ? 'start the program in exec form, or by a script that ends in exec'
          : 'use the exec form, or "exec" before the command'
      }`,
      range: started.step.instruction.range,
      fix: await fixOf(subject, started, text),
    });
  },
};

type Start = FileStep<CmdInstruction> | FileStep<EntrypointInstruction>;

/** The instruction that says what PID 1 is. */
function startOf(subject: PlanSubject): Start | undefined {
  const entrypoint = lastOf(subject.target, 'ENTRYPOINT');
  if (entrypoint !== undefined) return entrypoint;
  // CMD are the arguments of an ENTRYPOINT that the base may have.
  if (!subject.target.isBaseKnown || subject.result.config.config?.Entrypoint?.length) return undefined;
  return lastOf(subject.target, 'CMD');
}

/** What is given to a shell that is just a shell: not by way of an init, such as `SHELL ["tini", "--", "sh", "-c"]`. */
async function shellText({ instruction, known }: Start): Promise<string | undefined> {
  const { command } = instruction;
  const { isShell } = await import('../shell-commands.ts');
  if (command.form === 'shell') return isShell(known.shell?.[0] ?? '/bin/sh') ? command.text : undefined;
  const [program = '', ...args] = command.args;
  const flag = args.findIndex(arg => /^-[a-z]*c$/.test(arg));
  return isShell(program) && flag >= 0 ? args[flag + 1] : undefined;
}

/** The exec form where there is nothing for a shell to do, else `exec` where the shell ends with a program. */
async function fixOf({ file, result }: PlanSubject, started: Start, text: string): Promise<Fix | undefined> {
  const { instruction, step } = started;
  const [operand] = step.instruction.operands;
  if (instruction.command.form !== 'shell' || operand === undefined) return undefined;
  const { finalCommand, isOneCommand, shellCommands } = await import('../shell-commands.ts');
  const [command] = shellCommands(text);
  const isPlain =
    isOneCommand(text) && command!.words.every(word => word.isPlain) && !isBuiltin(command!.name);
  // In exec form an ENTRYPOINT would get what CMD says as arguments.
  const hasArguments = instruction.kind === 'ENTRYPOINT' && (result.config.config?.Cmd?.length ?? 0) > 0;
  const hasOthers = command !== undefined && command.words[0]!.start !== command.start;
  if (isPlain && !hasOthers && !hasArguments) {
    const args = JSON.stringify(command!.words.map(word => word.text)).replaceAll('","', '", "');
    const edit = replacement(file, operand.range, text, args);
    if (edit !== undefined) return { title: 'Write it in exec form', edits: [edit] };
  }
  const final = finalCommand(text);
  const places = placesOfText(file, operand);
  if (final === undefined || places === undefined || isBuiltin(final.name) || final.variables.size > 0)
    return undefined;
  const at = final.words[0]!.start;
  return {
    title: 'Let "exec" replace the shell',
    edits: [{ range: places.range({ start: at, end: at }), text: 'exec ' }],
  };
}

/** What is no program of its own. */
function isBuiltin(program: string): boolean {
  return /^(?:\.|:|alias|break|cd|command|eval|exit|export|read|return|set|shift|source|test|\[|trap|true|false|type|ulimit|umask|unset|wait|local|declare)$/.test(
    program,
  );
}
