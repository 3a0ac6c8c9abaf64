import { StagecraftError } from '../util/errors.ts';
import { suggest } from '../util/suggest.ts';
import type { Command, Flags } from './command.ts';
import { commands } from './commands.ts';
import { type Interrupt, watchInterrupts } from './interrupt.ts';
import { parseCommandLine } from './parse.ts';
import { describeError } from './report.ts';

/** Runs the command that the words name, and returns the exit code. */
export async function runProgram(words: readonly string[]): Promise<number> {
  catchStrayErrors();
  const interrupt = watchInterrupts();
  let failureCode = 1;
  let usageCode: number | undefined;
  try {
    const { command, rest } = await chooseCommand(words);
    if (command === undefined) return await showHelp(rest);
    failureCode = command.failureCode ?? 1;
    usageCode = command.usageCode;
    const parsed = parseCommandLine(command, rest);
    if (parsed.help) return await showHelp([command.name]);
    const { stdin, stdout, stderr, env } = process;
    const { signal, onSignal } = interrupt;
    const surroundings = { stdin, stdout, stderr, env, signal, onSignal };
    const code = await startAgainInNamespace(interrupt, () =>
      command.run(parsed.flags, parsed.args, surroundings),
    );
    return interrupt.exitCode ?? code ?? 0;
  } catch (error) {
    if (interrupt.exitCode === undefined) {
      const isUsage = error instanceof StagecraftError && error.code === 'usage';
      return reportFailure(error, isUsage ? (usageCode ?? failureCode) : failureCode);
    }
    process.stderr.write('Stopped.\n');
    return interrupt.exitCode;
  }
}

/** Runs the command; where it finds that it needs a user namespace, the whole program starts again in one. */
async function startAgainInNamespace(
  interrupt: Interrupt,
  run: () => Promise<number | undefined>,
): Promise<number | undefined> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof Error && error.name === 'NamespaceRequired') || interrupt.signal.aborted)
      throw error;
    interrupt.release();
    const { enterNamespace } = await import('../sandbox/namespace.ts');
    return enterNamespace();
  }
}

function reportFailure(error: unknown, failureCode: number): number {
  const { env, stderr } = process;
  const color = Boolean(stderr.isTTY) && !env.NO_COLOR && env.TERM !== 'dumb';
  stderr.write(describeError(error, { color, debug: isSet(env.STAGECRAFT_DEBUG) }));
  // Docker's codes for a command that cannot be run, 126 and 127, come with the error.
  const isContainer = failureCode === 125;
  return isContainer && error instanceof StagecraftError ? (error.exitCode ?? failureCode) : failureCode;
}

/** The command and the words that are left for it; no command when help is wanted, with the words of its subject. */
async function chooseCommand(
  words: readonly string[],
): Promise<{ command: Command<Flags> | undefined; rest: readonly string[] }> {
  const [first, ...rest] = words;
  if (first === undefined || first === '--help' || first === '-h') return { command: undefined, rest: [] };
  if (first === 'help') return { command: undefined, rest };
  const name = first === '--version' || first === '-v' ? 'version' : first;
  return { command: await loadCommand(name), rest };
}

async function loadCommand(name: string): Promise<Command<Flags>> {
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry) return entry.load();
  const what = name.startsWith('-') ? 'flag' : 'command';
  const meant = suggest(name, Object.keys(commands));
  throw new StagecraftError('usage', `There is no ${what} ${name}.`, {
    hint: `${meant === undefined ? '' : `Did you mean stagecraft ${meant}?\n`}See: stagecraft --help`,
  });
}

async function showHelp(subject: readonly string[]): Promise<number> {
  const { describeCommand, describeProgram } = await import('./help.ts');
  const [name] = subject;
  process.stdout.write(name === undefined ? describeProgram() : describeCommand(await loadCommand(name)));
  return 0;
}

/**
 * Errors that nothing awaits: `stagecraft images | head -1` closes the pipe early, which is no failure; all others are
 * reported as well as they can be.
 */
function catchStrayErrors(): void {
  process.on('uncaughtException', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
    process.exit(reportFailure(error, 1));
  });
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0';
}
