import type { Writable } from 'node:stream';

/** What the shell offers for a word: files, directories, names of local images, or one of these. */
export type Completion = 'file' | 'directory' | 'image' | readonly string[];

interface FlagBase {
  /** One letter, without its dash. */
  readonly short?: string;
  readonly help: string;
}

/** `--name`, also `--name=false`. */
export interface BooleanFlag extends FlagBase {
  readonly kind: 'boolean';
}

/** `--name VALUE` or `--name=VALUE`. A `list` may be given several times; of a `text` the last one counts. */
export interface ValueFlag extends FlagBase {
  readonly kind: 'text' | 'list';
  /** What help calls the value, such as `FILE`. */
  readonly value: string;
  readonly complete?: Completion;
}

export type Flag = BooleanFlag | ValueFlag;
export type Flags = Readonly<Record<string, Flag>>;

type ValueOf<F extends Flag> = F['kind'] extends 'boolean'
  ? boolean | undefined
  : F['kind'] extends 'list'
    ? string[]
    : string | undefined;

/** The values of flags by long name; a flag that was not given is `undefined`, or an empty list. */
export type FlagValues<F extends Flags> = { [K in keyof F]: ValueOf<F[K]> };

/** Where a command runs. */
export interface Surroundings {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: Writable & { isTTY?: boolean; columns?: number };
  readonly stderr: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
  /** Fires when the user interrupts. */
  readonly signal: AbortSignal;
  /**
   * From now on the first signal goes to this function instead, and {@link signal} fires with the second, or so many
   * milliseconds later.
   */
  readonly onSignal: (handle: (name: NodeJS.Signals) => void, patience: number) => void;
}

/** A command of the command line: the table that parsing, help and completion are made from, and what it does. */
export interface Command<F extends Flags = Flags> {
  readonly name: string;
  /** One sentence without a full stop. */
  readonly summary: string;
  /** The arguments as in `Usage: stagecraft NAME [OPTIONS] ...`. */
  readonly usage: string;
  /** More to know, as paragraphs; shown by `--help`. */
  readonly description?: string;
  readonly flags: F;
  /** Flags of Docker that are missing here, as they are spelled, and what to do instead. */
  readonly absent?: Readonly<Record<string, string>>;
  /** How many arguments there may be, and what they are. */
  readonly args: { readonly min: number; readonly max: number; readonly complete?: Completion };
  /** True when flags end at the first argument, since what follows belongs to another program. */
  readonly flagsFirst?: boolean;
  /** What one might want, and the command line for it. */
  readonly examples: readonly (readonly [string, string])[];
  /** The exit code of failures that are not the process's own; 1 unless given. */
  readonly failureCode?: number;
  /** The exit code of mistakes in the command line; that of failures unless given. */
  readonly usageCode?: number;
  /** Returns the exit code; 0 if it returns nothing. */
  run(flags: FlagValues<F>, args: string[], surroundings: Surroundings): Promise<number | undefined>;
}

/** Keeps the types of the flags. */
export function defineCommand<const F extends Flags>(command: Command<F>): Command<F> {
  return command;
}
