import { parseBoolean } from '../util/boolean.ts';
import { StagecraftError } from '../util/errors.ts';
import { suggest } from '../util/suggest.ts';
import type { Command, Flag, Flags, FlagValues } from './command.ts';

/** What a command line says: a wish for help, or values and arguments. */
export type Parsed<F extends Flags> = { help: true } | { help: false; flags: FlagValues<F>; args: string[] };

type Value = boolean | string | string[] | undefined;

const helpFlag: Flag = { kind: 'boolean', help: 'Show this help' };

/**
 * Reads the words after the command's name in the manner of Docker: `--flag value`, `--flag=value`, `-fvalue`,
 * `-f=value`, `-abc`, `--switch=false`, and `--` before arguments that begin with a dash.
 * @throws StagecraftError `usage`
 */
export function parseCommandLine<F extends Flags>(command: Command<F>, words: readonly string[]): Parsed<F> {
  const flags: Flags = { help: helpFlag, ...command.flags };
  const shorts = new Map<string, string>([['h', 'help']]);
  const values: Record<string, Value> = {};
  for (const [name, flag] of Object.entries(command.flags)) {
    if (flag.short !== undefined) shorts.set(flag.short, name);
    values[name] = flag.kind === 'list' ? [] : undefined;
  }
  const args: string[] = [];
  let next = 0;
  /** Takes a value, from the word itself or the one that follows. */
  const take = (name: string, spelled: string, inline: string | undefined): void => {
    const flag = flags[name]!;
    if (flag.kind === 'boolean') {
      values[name] = readSwitch(spelled, inline);
      return;
    }
    const value = inline ?? words[next++];
    if (value === undefined) throw usageError(command, `The flag ${spelled} needs a value: ${flag.value}.`);
    if (flag.kind === 'list') (values[name] as string[]).push(value);
    else values[name] = value;
  };
  while (next < words.length) {
    const word = words[next++]!;
    const [, long, inline] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (long !== undefined) {
      if (!Object.hasOwn(flags, long)) throw unknownFlag(command, `--${long}`);
      take(long, `--${long}`, inline);
    } else if (/^-[^-]/.test(word)) {
      takeShorts(word.slice(1));
    } else {
      if (word !== '--') args.push(word);
      if (word === '--' || command.flagsFirst) {
        args.push(...words.slice(next));
        break;
      }
    }
  }
  if (values.help) return { help: true };
  checkCount(command, args);
  return { help: false, flags: values as FlagValues<F>, args };

  /** One letter after another; the first that takes a value has the rest. */
  function takeShorts(letters: string): void {
    for (let i = 0; i < letters.length; i++) {
      const spelled = `-${letters[i]}`;
      const name = shorts.get(letters[i]!);
      if (name === undefined) throw unknownFlag(command, spelled);
      const rest = letters.slice(i + 1);
      const hasRest = rest !== '' && (rest.startsWith('=') || flags[name]!.kind !== 'boolean');
      take(name, spelled, hasRest ? rest.replace(/^=/, '') : undefined);
      if (hasRest) return;
    }
  }
}

/** A mistake in the command line, with the way to the command's help. */
export function usageError(command: Pick<Command, 'name'>, message: string, hint = ''): StagecraftError {
  const more = `See: stagecraft ${command.name} --help`;
  return new StagecraftError('usage', message, { hint: hint ? `${hint}\n${more}` : more });
}

function readSwitch(name: string, value: string | undefined): boolean {
  const given = value === undefined ? true : parseBoolean(value);
  if (given !== undefined) return given;
  throw new StagecraftError('usage', `The flag ${name} is on or off: "${value}" is neither true nor false.`);
}

function unknownFlag<F extends Flags>(command: Command<F>, spelled: string): StagecraftError {
  const { absent = {} } = command;
  const instead = Object.hasOwn(absent, spelled) ? absent[spelled] : undefined;
  const meant = spelled.startsWith('--')
    ? suggest(spelled.slice(2), [...Object.keys(command.flags), 'help'])
    : undefined;
  const hint = instead ?? (meant === undefined ? '' : `Did you mean --${meant}?`);
  return usageError(command, `There is no flag ${spelled} for \`stagecraft ${command.name}\`.`, hint);
}

function checkCount<F extends Flags>(command: Command<F>, args: readonly string[]): void {
  const { min, max } = command.args;
  if (args.length >= min && args.length <= max) return;
  const expected = min === max ? `${min}` : args.length < min ? `at least ${min}` : `at most ${max}`;
  const noun = /(^| )1$/.test(expected) ? 'argument' : 'arguments';
  const given =
    args.length === 0 ? 'none was given' : `there ${args.length === 1 ? 'is' : 'are'} ${args.length}`;
  throw usageError(command, `\`stagecraft ${command.name}\` takes ${expected} ${noun}, but ${given}.`);
}
