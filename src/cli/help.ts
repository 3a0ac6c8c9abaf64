import type { Command, Flag, Flags } from './command.ts';
import { commands } from './commands.ts';

/** The text of `stagecraft --help`. */
export function describeProgram(): string {
  const names = Object.keys(commands);
  const width = Math.max(...names.map(name => name.length)) + 3;
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}${summary}`);
  return `Usage: stagecraft COMMAND [OPTIONS]

Builds container images from Dockerfiles: no daemon, no root.

Commands:
${lines.join('\n')}

Examples:
  # Build the Dockerfile of this directory
  stagecraft build -t app .

  # See what was built, and run it
  stagecraft images
  stagecraft run --rm app

Environment:
  STAGECRAFT_ROOT     The directory of the store
  STAGECRAFT_MAX_STORAGE, STAGECRAFT_MIN_FREE_SPACE, STAGECRAFT_RESERVED_SPACE
                      Sizes such as 20GB: after a build what was not used for
                      longest goes from a store that is larger
  STAGECRAFT_MAX_LAYER_SIZE
                      What a layer may unpack to, 0 for anything (default
                      16GB, or 100 times what was downloaded)
  STAGECRAFT_DEBUG    Set to 1 to see where an unexpected error came from
  BUILDKIT_PROGRESS   The --progress to use where none is given
  NO_COLOR            Set to turn colours off

stagecraft COMMAND --help tells more about a command.
`;
}

/** The text of `stagecraft COMMAND --help`. */
export function describeCommand(command: Command<Flags>): string {
  const usage = `Usage: stagecraft ${command.name}${usageFlags(command)}${command.usage && ` ${command.usage}`}`;
  const parts = [`${usage}\n`, `${command.summary}\n`];
  if (command.description) parts.push(`${command.description.trim()}\n`);
  parts.push(`Options:\n${describeFlags(command.flags)}`);
  const examples = command.examples.map(([what, line]) => `  # ${what}\n  ${line}\n`);
  if (examples.length > 0) parts.push(`Examples:\n${examples.join('\n')}`);
  return parts.join('\n');
}

function usageFlags(command: Command<Flags>): string {
  return Object.keys(command.flags).length > 0 ? ' [OPTIONS]' : '';
}

function describeFlags(flags: Flags): string {
  const rows = Object.entries(flags).map(([name, flag]): [string, string] => [spell(name, flag), flag.help]);
  const helpShort = Object.values(flags).some(flag => flag.short === 'h') ? '    ' : '-h, ';
  rows.push([`${helpShort}--help`, 'Show this help']);
  rows.sort(([a], [b]) => (a.slice(4) < b.slice(4) ? -1 : 1));
  const width = Math.max(...rows.map(([left]) => left.length)) + 3;
  return rows
    .map(([left, help]) => `  ${left.padEnd(width)}${help.replaceAll('\n', `\n${' '.repeat(width + 2)}`)}\n`)
    .join('');
}

function spell(name: string, flag: Flag): string {
  const short = flag.short === undefined ? '    ' : `-${flag.short}, `;
  return flag.kind === 'boolean' ? `${short}--${name}` : `${short}--${name} ${flag.value}`;
}
