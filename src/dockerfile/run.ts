import { isUtf8 } from 'node:buffer';
import { parseDeviceFlag } from './devices.ts';
import { fail, quote } from './fail.ts';
import { FlagValues } from './flags.ts';
import { asHeredocMarker } from './heredoc.ts';
import { parseMountFlag } from './mounts.ts';
import { baseOf, type Statement } from './statement.ts';
import type { CommandLine, Heredoc, RunInstruction } from './types.ts';

const networks = ['default', 'none', 'host'] as const;
const securities = ['sandbox', 'insecure'] as const;

export function buildRun(statement: Statement, command: CommandLine): RunInstruction {
  const { heredocs } = statement;
  const flags = new FlagValues(statement.flags, {
    mount: 'list',
    network: 'string',
    security: 'string',
    device: 'list',
  });
  const style = styleOf(command, heredocs);
  requireText(statement, command, style);
  return {
    ...baseOf(statement, 'RUN'),
    command,
    heredocs,
    style,
    shellText: shellText(command, heredocs, style),
    mounts: flags.list('mount').map(parseMountFlag),
    network: choose(flags, 'network', networks),
    security: choose(flags, 'security', securities),
    devices: flags.list('device').map(parseDeviceFlag),
  };
}

/** Words of a process are text. Only a script that is a file of its own may be any bytes. */
function requireText(statement: Statement, command: CommandLine, style: RunInstruction['style']): void {
  if (command.form === 'exec') return;
  const documents = statement.heredocs.filter(({ bytes }) => bytes !== undefined && !isUtf8(bytes));
  const isFile = style === 'script' && statement.heredocs[0]!.body.startsWith('#!');
  const [wrong] = isFile ? [] : documents;
  if (statement.isText && wrong === undefined) return;
  fail(
    'RUN has bytes that are not UTF-8.',
    statement.isText ? wrong?.range : statement.range,
    'Save the Dockerfile as UTF-8.',
  );
}

function styleOf(command: CommandLine, heredocs: readonly Heredoc[]): RunInstruction['style'] {
  if (command.form === 'exec' || heredocs.length === 0) return 'command';
  return asHeredocMarker(command.text) ? 'script' : 'heredocs';
}

function shellText(
  command: CommandLine,
  heredocs: readonly Heredoc[],
  style: RunInstruction['style'],
): string | undefined {
  if (command.form === 'exec') return undefined;
  if (style === 'script') return heredocs[0]!.body;
  // The shell reads here-documents itself, so it gets them as they are in the file.
  return command.text + heredocs.map(({ raw, name }) => `\n${raw}${name}`).join('');
}

function choose<T extends string>(flags: FlagValues, name: string, options: readonly [T, ...T[]]): T {
  const [flag] = flags.list(name);
  if (!flag) return options[0];
  const choice = options.find(option => option === flag.value);
  if (!choice) fail(`--${name} is one of ${options.join(', ')}, not ${quote(flag.value ?? '')}.`, flag.range);
  return choice;
}
