import type { LogicalLine } from '../dockerfile/logical-line.ts';
import type { Dockerfile, RunInstruction } from '../dockerfile/types.ts';
import type { KnownStep, PlannedStep, StagePlan } from '../frontend/stage-plan.ts';
import type { SourceRange } from '../util/errors.ts';
import { baseName, isShell, type ShellCommand, type ShellWord, shellCommands } from './shell-commands.ts';
import { placesOfRun } from './shell-places.ts';
import type { Edit } from './types.ts';

/** A RUN of a stage with the commands in it. */
export interface RunStep {
  readonly stage: StagePlan;
  readonly step: PlannedStep;
  readonly run: RunInstruction;
  readonly known: KnownStep;
  readonly commands: readonly RunCommand[];
}

export interface RunCommand extends ShellCommand {
  /** Where the command, or a part of it, stands. */
  range(part?: { start: number; end: number }): SourceRange;
  /** Text to put before or behind a word of it, or in place of one; nothing where its exact place is not known. */
  edit(at: { start: number; end: number }, text: string): Edit | undefined;
}

const read = new WeakMap<PlannedStep, readonly RunCommand[]>();

/** The commands of a RUN in its order; none where it is run by something that is no POSIX shell. */
export function commandsOf(file: Dockerfile, step: PlannedStep): readonly RunCommand[] {
  let commands = read.get(step);
  if (commands === undefined) {
    const { instruction } = step;
    commands = instruction.kind === 'RUN' ? readCommands(file, instruction, step.known?.shell) : [];
    read.set(step, commands);
  }
  return commands;
}

function readCommands(
  file: Dockerfile,
  run: RunInstruction,
  shell: readonly string[] | undefined,
): RunCommand[] {
  if (run.command.form === 'exec') return readWords(run);
  const text = run.shellText ?? run.command.text;
  const interpreter = /^#!\s*(\S+)(?:\s+(\S+))?/.exec(run.style === 'script' ? text : '');
  const program =
    interpreter === null
      ? (shell?.[0] ?? '/bin/sh')
      : baseName(interpreter[1]!) === 'env'
        ? (interpreter[2] ?? '')
        : interpreter[1]!;
  if (!isShell(program)) return [];
  const places = placesOfRun(file, run);
  return shellCommands(text).map(command => located(command, run, places));
}

/** The exec form: one command, or a text for a shell. */
function readWords(run: RunInstruction): RunCommand[] {
  const words = run.operands.map(
    ({ text }, index): ShellWord => ({
      text,
      isPlain: true,
      start: index,
      end: index + 1,
    }),
  );
  const [program] = words;
  if (program === undefined) return [];
  const range = ({ start, end }: { start: number; end: number }): SourceRange => {
    const first = run.operands[start] ?? run;
    const last = run.operands[end - 1] ?? run;
    return { ...first.range, end: last.range.end };
  };
  const own: RunCommand = {
    words,
    name: baseName(program.text),
    variables: new Map(),
    isExec: false,
    start: 0,
    end: words.length,
    isNested: false,
    range: part => range(part ?? { start: 0, end: words.length }),
    edit: () => undefined,
  };
  const flag = words.findIndex(({ text }) => /^-[a-z]*c$/.test(text));
  const text = isShell(program.text) && flag > 0 ? words[flag + 1] : undefined;
  if (text === undefined) return [own];
  return [
    own,
    ...shellCommands(text.text).map(command => ({
      ...command,
      range: () => range(text),
      edit: () => undefined,
    })),
  ];
}

function located(command: ShellCommand, run: RunInstruction, places: LogicalLine | undefined): RunCommand {
  return {
    ...command,
    range: (part = command) => places?.range(part) ?? run.range,
    edit: (at, text) =>
      places === undefined || command.isNested ? undefined : { range: places.range(at), text },
  };
}
