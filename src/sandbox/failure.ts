import { StagecraftError } from '../util/errors.ts';

/** How a run on a rung ended, as far as it tells whether its process ever began. */
export interface RunEnd {
  readonly rung: string;
  readonly command: string;
  readonly code: number;
  /** What the tools and the runtime wrote to their log. */
  readonly log: string;
  /** The last of what came on standard error. */
  readonly lastOutput: string;
  /** Programs that its devices have run before its own. */
  readonly hooks: readonly string[];
}

/** Words of runtimes and of the kernel for why a program cannot be started. */
const notThere = /executable file .*not found|no such file or directory|ENOENT/i;
const notAllowed = /open executable: Operation not permitted|permission denied|EACCES/i;
const notForUs = /exec format error|ENOEXEC/i;

/**
 * The error for a run that failed before its process began; nothing if the process itself ended with that code.
 * The codes of programs that cannot be started are those of a shell: 127 and 126.
 */
export function failureOf({
  rung,
  command,
  code,
  log,
  lastOutput,
  hooks,
}: RunEnd): StagecraftError | undefined {
  const message = runtimeErrors(log).join('; ');
  const concernsCommand = message.includes(command) || message.startsWith('open executable');
  const exec = `exec ${JSON.stringify(command)}`;
  if (concernsCommand && notThere.test(message))
    return new StagecraftError('build', `${exec}: there is no such program in the image.`, {
      exitCode: 127,
      hint:
        command === '/bin/sh'
          ? 'The shell form of RUN, CMD and ENTRYPOINT needs /bin/sh in the image.'
          : 'Look at its spelling, and at PATH: only directories of the image that PATH names are searched.',
    });
  if (concernsCommand && notAllowed.test(message))
    return new StagecraftError('build', `${exec}: permission denied, since it is no executable file.`, {
      exitCode: 126,
    });
  if ((concernsCommand && notForUs.test(message)) || (code === 1 && saysWrongFormat(lastOutput, command)))
    return new StagecraftError(
      'build',
      `${exec}: exec format error, since it is no program for this machine.`,
      {
        exitCode: 126,
        hint: 'It is built for another processor, or it is a script without a #! line.',
      },
    );
  if (message === '') return undefined;
  return new StagecraftError('unsupported', `${rung} could not start the sandbox: ${message}`, {
    hint:
      hooks.length > 0
        ? `Look at the hooks of its devices, one of which may have failed: ${hooks.join(', ')}.`
        : 'Run `stagecraft doctor` to see what this machine allows.',
  });
}

/** True if a runtime's last words are of a failed execve: by then it has let go of its log. */
function saysWrongFormat(output: string, command: string): boolean {
  const line = output.trimEnd().split('\n').at(-1)!;
  return notForUs.test(line) && line.includes(command) && /^(exec|\{"msg":"exec)/.test(line);
}

/** The errors in a log: lines of JSON with a level from a runtime, plain text from other tools. */
function runtimeErrors(log: string): string[] {
  return log.split('\n').flatMap(line => {
    if (line.trim() === '' || line.includes('dmesg(1) may have')) return [];
    if (!line.startsWith('{')) return [line.trim()];
    const { level, msg } = JSON.parse(line) as { level?: string; msg?: string };
    return msg !== undefined && (level === 'error' || level === 'fatal') ? [msg.trim()] : [];
  });
}
