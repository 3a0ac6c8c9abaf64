import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

/** The checkout. */
export const project = join(import.meta.dirname, '..', '..');

/** The program under test: the launcher of the checkout, unless `STAGECRAFT_PROGRAM` names an installed one. */
export const program = process.env.STAGECRAFT_PROGRAM ?? join(project, 'bin', 'stagecraft');

/** An ordinary user to run as. */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  user?: User | undefined;
  /** Standard input: its content, or `wait` for one that the caller writes and ends. */
  input?: string | Uint8Array | undefined;
  /** A command that starts the program: its words come first. */
  through?: readonly string[];
}

export interface Outcome {
  /** The exit code; nothing after a signal. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  /** What standard error holds so far. */
  readonly stderr: () => string;
  readonly outcome: Promise<Outcome>;
}

/** Starts a command with nothing of this process's environment but the search path. */
export function start(command: readonly string[], options: RunOptions = {}): Running {
  const { cwd, env = {}, user, input, through = [] } = options;
  const [file, ...args] = [...through, ...command] as [string, ...string[]];
  const child = spawn(file, args, {
    ...(cwd !== undefined && { cwd }),
    ...(user !== undefined && { uid: user.uid, gid: user.gid }),
    env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin`, HOME: user?.home ?? process.env.HOME ?? '/', ...env },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  const texts = ['', ''];
  for (const [index, stream] of [child.stdout!, child.stderr!].entries())
    stream.setEncoding('utf8').on('data', text => {
      texts[index] += text;
    });
  child.stdin?.on('error', () => {});
  if (input !== 'wait') child.stdin?.end(input);
  const outcome = new Promise<Outcome>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout: texts[0]!, stderr: texts[1]! }));
  });
  return { child, stderr: () => texts[1]!, outcome };
}

export function run(command: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return start(command, options).outcome;
}

/** Runs a tool that must succeed, and returns what it prints. */
export async function tool(...command: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command);
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}
