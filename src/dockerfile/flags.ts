import type { SourceRange } from '../util/errors.ts';
import { didYouMean, fail, quote } from './fail.ts';
import type { LogicalLine, Token } from './logical-line.ts';
import type { Flag } from './types.ts';

/** Whether a flag is true or false, has one value, or may be given again. */
export type FlagKind = 'bool' | 'string' | 'list';

/** The flags an instruction was given, checked against those that it knows. */
export class FlagValues {
  readonly #values = new Map<string, Flag[]>();

  /** @throws StagecraftError `dockerfile`: unknown, given twice, without the value it needs, or not a boolean */
  constructor(flags: readonly Flag[], known: Readonly<Record<string, FlagKind>>) {
    for (const flag of flags) {
      const kind = Object.hasOwn(known, flag.name) ? known[flag.name] : undefined;
      if (!kind) unknownFlag(flag, Object.keys(known));
      const earlier = this.#values.get(flag.name);
      if (earlier && kind !== 'list') fail(`The flag --${flag.name} is given twice.`, flag.range);
      checkValue(flag, kind);
      if (earlier) earlier.push(flag);
      else this.#values.set(flag.name, [flag]);
    }
  }

  /** The value; nothing if the flag is not given or empty, which is the same to every instruction. */
  text(name: string): string | undefined {
    return this.#values.get(name)?.[0]?.value || undefined;
  }

  /** Nothing if the flag is not given. */
  bool(name: string): boolean | undefined {
    const flag = this.#values.get(name)?.[0];
    return flag && flag.value?.toLowerCase() !== 'false';
  }

  /** Everything a flag that may be repeated was given, in order. */
  list(name: string): readonly Flag[] {
    return this.#values.get(name) ?? [];
  }

  range(name: string): SourceRange | undefined {
    return this.#values.get(name)?.[0]?.range;
  }
}

/** Takes `--name=value` apart. */
export function parseFlag(flag: Token, line: LogicalLine): Flag {
  const equals = flag.text.indexOf('=');
  const nameEnd = equals < 0 ? flag.text.length : equals;
  return {
    name: flag.text.slice(2, nameEnd),
    value: equals < 0 ? undefined : flag.text.slice(equals + 1),
    range: line.range(flag),
  };
}

function checkValue({ name, value, range }: Flag, kind: FlagKind): void {
  if (kind === 'bool') {
    if (value !== undefined && !['true', 'false'].includes(value.toLowerCase()))
      fail(`The flag --${name} is true or false, not ${quote(value)}.`, range);
  } else if (value === undefined) {
    fail(`The flag --${name} needs a value.`, range, `Write --${name}=VALUE.`);
  }
}

function unknownFlag({ name, range }: Flag, known: readonly string[]): never {
  const likely = didYouMean(
    `--${name}`,
    known.map(each => `--${each}`),
  );
  const all = known.length === 0 ? 'This instruction has no flags.' : `Known are --${known.join(', --')}.`;
  fail(`Unknown flag ${quote(`--${name}`)}.`, range, likely ?? all);
}
